// viem against a running node: connect, send, deploy, call, watch, errors. Usage: node viem.mjs URL WS_URL KEY TOKEN.json
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  BaseError, ContractFunctionRevertedError, InsufficientFundsError, NonceTooLowError,
  createPublicClient, createWalletClient, defineChain, http, parseEther, webSocket,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";

const [url, socketUrl, key, artifactFile] = process.argv.slice(2);
const artifact = JSON.parse(readFileSync(artifactFile, "utf8"));
const chain = defineChain({
  id: 125671, name: "leveret", blockTime: 1000,
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 }, rpcUrls: { default: { http: [url] } },
});
const account = privateKeyToAccount(key);
const reader = createPublicClient({ chain, transport: http(url), pollingInterval: 50 });
const wallet = createWalletClient({ account, chain, transport: http(url) });
const other = "0x00000000000000000000000000000000000b0b00";

// Connect and send.
assert.equal(await reader.getChainId(), 125671);
const hash = await wallet.sendTransaction({ to: other, value: parseEther("2") });
const receipt = await reader.waitForTransactionReceipt({ hash });
assert.equal(receipt.status, "success");
assert.equal(await reader.getBalance({ address: other }), parseEther("2"));

// Send and get the receipt in one request.
const request = await wallet.prepareTransactionRequest({ to: other, value: 1n });
const raw = await wallet.signTransaction(request);
const immediate = await wallet.sendRawTransactionSync({ serializedTransaction: raw });
assert.equal(immediate.status, "success");

// Deploy, call, write.
const creation = await wallet.deployContract({ abi: artifact.abi, bytecode: artifact.bytecode, args: [5000n] });
const { contractAddress: address } = await reader.waitForTransactionReceipt({ hash: creation });
const token = { address, abi: artifact.abi };
assert.equal(await reader.readContract({ ...token, functionName: "totalSupply" }), 5000n);

// Watch an event by polling a filter, and heads and events over WebSocket.
const listener = createPublicClient({ chain, transport: webSocket(socketUrl) });
const polled = new Promise((resolve) => {
  const stop = reader.watchContractEvent({ ...token, eventName: "Transfer", poll: true, pollingInterval: 50,
    onLogs: (logs) => { stop(); resolve(logs[0].args.value); } });
});
const pushed = new Promise((resolve) => {
  const stop = listener.watchContractEvent({ ...token, eventName: "Transfer",
    onLogs: (logs) => { stop(); resolve(logs[0].args.value); } });
});
const head = new Promise((resolve) => {
  const stop = listener.watchBlockNumber({ onBlockNumber: (number) => { stop(); resolve(number); } });
});
await new Promise((resolve) => setTimeout(resolve, 300));
const { request: call } = await reader.simulateContract({ ...token, account, functionName: "transfer", args: [other, 42n] });
const written = await reader.waitForTransactionReceipt({ hash: await wallet.writeContract(call) });
assert.equal(written.status, "success");
assert.equal(await polled, 42n);
assert.equal(await pushed, 42n);
assert.ok((await head) > 0n);
const logs = await reader.getContractEvents({ ...token, eventName: "Transfer", fromBlock: 0n, toBlock: "latest" });
assert.equal(logs.at(-1).args.value, 42n);

// Errors that applications branch on.
const walk = (error, kind) => error instanceof BaseError && error.walk((cause) => cause instanceof kind);
const custom = await reader.simulateContract({ ...token, account, functionName: "transfer", args: [other, 10n ** 9n] }).catch((error) => error);
assert.equal(walk(custom, ContractFunctionRevertedError).data.errorName, "InsufficientBalance");
const reason = await reader.simulateContract({ ...token, account, functionName: "transferFrom", args: [other, other, 1n] }).catch((error) => error);
assert.equal(walk(reason, ContractFunctionRevertedError).reason, "allowance too low");
const stale = await wallet.sendTransaction({ to: other, value: 1n, nonce: 0, gas: 21000n }).catch((error) => error);
assert.ok(walk(stale, NonceTooLowError), String(stale));
const poor = createWalletClient({ account: privateKeyToAccount("0x" + "22".repeat(32)), chain, transport: http(url) });
const broke = await poor.sendTransaction({ to: other, value: 1n, gas: 21000n }).catch((error) => error);
assert.ok(walk(broke, InsufficientFundsError), String(broke));
console.log("ok");
process.exit(0);
