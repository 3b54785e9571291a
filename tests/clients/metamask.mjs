// MetaMask's own controllers against a running node: add the network, estimate, sign, publish, until "confirmed".
// Usage: node metamask.mjs URL KEY
import assert from "node:assert/strict";
import { ApprovalController } from "@metamask/approval-controller";
import { GasFeeController } from "@metamask/gas-fee-controller";
import { MOCK_ANY_NAMESPACE, Messenger } from "@metamask/messenger";
import { NetworkController } from "@metamask/network-controller";
import { TransactionController, TransactionStatus } from "@metamask/transaction-controller";
import { privateToAddress, bytesToHex, hexToBytes } from "@ethereumjs/util";

const [url, privateKey] = process.argv.slice(2);
const CHAIN_ID = "0x1eae7";
const key = hexToBytes(privateKey);
const from = bytesToHex(privateToAddress(key));
const to = "0x00000000000000000000000000000000000cafe0";

// Only the node answers: MetaMask's own services fail, as they do for a network that they do not know.
const realFetch = globalThis.fetch;
globalThis.fetch = (target, options) => {
  const { hostname } = new URL(String(target?.url ?? target));
  return hostname === "127.0.0.1" ? realFetch(target, options) : Promise.reject(new TypeError("Failed to fetch"));
};

const root = new Messenger({ namespace: MOCK_ANY_NAMESPACE });
function messengerOf(namespace, actions, events = []) {
  const messenger = new Messenger({ namespace, parent: root });
  root.delegate({ messenger, actions, events });
  return messenger;
}
root.registerActionHandler("ErrorReportingService:captureException", (error) => console.error(error));
root.registerActionHandler("RemoteFeatureFlagController:getState", () => ({ cacheTimestamp: 0, remoteFeatureFlags: {} }));
root.registerActionHandler("AccountsController:getSelectedAccount", () => ({ address: from, type: "eip155:eoa", metadata: {} }));
root.registerActionHandler("AccountsController:getState", () => ({ internalAccounts: { accounts: {}, selectedAccount: "" } }));

const network = new NetworkController({
  messenger: messengerOf("NetworkController", ["ErrorReportingService:captureException"]),
  infuraProjectId: "0".repeat(32),
  getRpcServiceOptions: () => ({ fetch: globalThis.fetch, btoa: globalThis.btoa }),
  getBlockTrackerOptions: () => ({ pollingInterval: 1000 }),
});
await network.initializeProvider();
const added = network.addNetwork({
  chainId: CHAIN_ID, name: "leveret", nativeCurrency: "ETH", blockExplorerUrls: [],
  defaultRpcEndpointIndex: 0, rpcEndpoints: [{ type: "custom", url, name: "leveret" }],
});
const { networkClientId } = added.rpcEndpoints[0];
await network.setActiveNetwork(networkClientId);
assert.equal(await network.getEIP1559Compatibility(networkClientId), true);

const approvals = new ApprovalController({ messenger: messengerOf("ApprovalController", []), showApprovalRequest: () => {} });
const gasFees = new GasFeeController({
  messenger: messengerOf("GasFeeController",
    ["NetworkController:getState", "NetworkController:getNetworkClientById", "NetworkController:getEIP1559Compatibility"],
    ["NetworkController:networkDidChange"]),
  clientId: "leveret", getCurrentNetworkEIP1559Compatibility: () => network.getEIP1559Compatibility(),
  getCurrentNetworkLegacyGasAPICompatibility: () => false, getCurrentAccountEIP1559Compatibility: () => true,
  getProvider: () => network.getProviderAndBlockTracker().provider, legacyAPIEndpoint: "", EIP1559APIEndpoint: "",
  getChainId: () => CHAIN_ID, onNetworkDidChange: () => {},
});
const transactions = new TransactionController({
  messenger: messengerOf("TransactionController", [
    "AccountsController:getSelectedAccount", "AccountsController:getState", "ApprovalController:addRequest",
    "NetworkController:findNetworkClientIdByChainId", "NetworkController:getNetworkClientById",
    "RemoteFeatureFlagController:getState",
  ], ["NetworkController:stateChange"]),
  disableHistory: true, disableSendFlowHistory: true, disableSwaps: true,
  getCurrentNetworkEIP1559Compatibility: () => network.getEIP1559Compatibility(networkClientId),
  getCurrentAccountEIP1559Compatibility: async () => true,
  getGasFeeEstimates: (options) => gasFees.fetchGasFeeEstimates(options),
  getNetworkClientRegistry: () => ({ [networkClientId]: network.getNetworkClientById(networkClientId) }),
  getNetworkState: () => network.state, getPermittedAccounts: async () => [from], getSavedGasFees: () => undefined,
  incomingTransactions: { isEnabled: () => false }, isSimulationEnabled: () => false, isMultichainEnabled: true,
  isFirstTimeInteractionEnabled: () => false, pendingTransactions: { isResubmitEnabled: () => false },
  sign: async (transaction) => transaction.sign(key), hooks: {}, testGasFeeFlows: false,
});

const provider = network.getNetworkClientById(networkClientId).provider;
const ask = (method, params = []) => provider.request({ method, params });
assert.ok(BigInt(await ask("eth_getBalance", [from, "latest"])) > 0n);

const { transactionMeta } = await transactions.addTransaction(
  { from, to, value: "0x6f05b59d3b20000" }, { networkClientId, origin: "metamask", requireApproval: true });
assert.equal(transactionMeta.txParams.type, "0x2");
const confirmed = new Promise((resolve, reject) => {
  const inspect = () => {
    const meta = transactions.state.transactions.find(({ id }) => id === transactionMeta.id);
    if (meta?.status === TransactionStatus.confirmed) resolve(meta);
    if (["failed", "dropped", "rejected"].includes(meta?.status)) reject(new Error(`${meta.status}: ${JSON.stringify(meta.error)}`));
  };
  root.subscribe("TransactionController:stateChange", inspect);
});
approvals.accept(transactionMeta.id, { txMeta: transactionMeta });
const done = await Promise.race([confirmed, new Promise((_, reject) => setTimeout(() => reject(new Error("not confirmed in 40 s")), 40_000))]);
assert.equal(done.txReceipt.status, "0x1");
assert.ok(done.txReceipt.blockHash);
assert.equal(BigInt(await ask("eth_getBalance", [to, "latest"])), 500000000000000000n);
console.log(`ok ${done.status}`);
process.exit(0);
