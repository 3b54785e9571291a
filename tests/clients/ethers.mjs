// ethers v6 against a running node: connect, send, deploy, call, events, errors. Usage: node ethers.mjs URL WS_URL KEY TOKEN.json
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Contract, ContractFactory, JsonRpcProvider, Wallet, WebSocketProvider, isError, parseEther } from "ethers";

const [url, socketUrl, key, artifactFile] = process.argv.slice(2);
const artifact = JSON.parse(readFileSync(artifactFile, "utf8"));
// ethers caches reads for 250 ms by default, which is longer than this chain takes to move on.
const provider = new JsonRpcProvider(url, undefined, { cacheTimeout: -1, pollingInterval: 50 });
const wallet = new Wallet(key, provider);
const other = "0x00000000000000000000000000000000000a11ce";

// Connect.
const network = await provider.getNetwork();
assert.equal(network.chainId, 125671n);
assert.ok((await provider.getBalance(wallet.address)) > parseEther("9000"));

// Send, wait, read back.
const sent = await wallet.sendTransaction({ to: other, value: parseEther("1.5") });
const receipt = await sent.wait();
assert.equal(receipt.status, 1);
assert.equal(receipt.gasUsed, 21000n);
assert.equal(await provider.getBalance(other), parseEther("1.5"));
const found = await provider.getTransaction(sent.hash);
assert.equal(found.from, wallet.address);

// Two in a row take consecutive nonces.
const first = await wallet.sendTransaction({ to: other, value: 1n });
const second = await wallet.sendTransaction({ to: other, value: 2n });
assert.equal(second.nonce, first.nonce + 1);
await Promise.all([first.wait(), second.wait()]);

// Deploy, call, write, read the event.
const factory = new ContractFactory(artifact.abi, artifact.bytecode, wallet);
const deployed = await factory.deploy(1_000_000n);
await deployed.waitForDeployment();
const token = new Contract(await deployed.getAddress(), artifact.abi, wallet);
assert.equal(await token.symbol(), "LVT");
assert.equal(await token.balanceOf(wallet.address), 1_000_000n);
const transfer = await (await token.transfer(other, 77n)).wait();
assert.equal(transfer.logs[0].fragment.name, "Transfer");
assert.equal(transfer.logs[0].args.value, 77n);
const events = await token.queryFilter(token.filters.Transfer(wallet.address, other));
assert.equal(events.length, 1);
assert.equal(events[0].args.value, 77n);

// Errors that applications branch on.
const custom = await token.transfer.staticCall(other, 10_000_000n).catch((error) => error);
assert.ok(isError(custom, "CALL_EXCEPTION"), String(custom));
assert.equal(custom.revert.name, "InsufficientBalance");
assert.equal(custom.revert.args.needed, 10_000_000n);
const reason = await token.transferFrom.staticCall(other, wallet.address, 1n).catch((error) => error);
assert.equal(reason.reason, "allowance too low");
const stale = await wallet.sendTransaction({ to: other, value: 1n, nonce: 0 }).catch((error) => error);
assert.ok(isError(stale, "NONCE_EXPIRED"), String(stale));
const poor = new Wallet("0x" + "11".repeat(32), provider);
const broke = await poor.sendTransaction({ to: other, value: 1n, gasLimit: 21000n }).catch((error) => error);
assert.ok(isError(broke, "INSUFFICIENT_FUNDS"), String(broke));

// Subscriptions over WebSocket.
const socket = new WebSocketProvider(socketUrl);
const head = new Promise((resolve) => socket.once("block", resolve));
const watched = new Contract(token.target, artifact.abi, socket);
const heard = new Promise((resolve) => watched.once("Transfer", (from, to, value) => resolve(value)));
await new Promise((resolve) => setTimeout(resolve, 200));
await (await token.transfer(other, 5n)).wait();
assert.equal(await heard, 5n);
assert.ok((await head) > 0);
console.log("ok");
process.exit(0);
