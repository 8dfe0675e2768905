// Calls every route with openapi-fetch and the types that openapi-typescript generates. The
// arguments are the gateway's URL, and the messages of its own answers by status, as JSON.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./ledger.js";

type TransactionInput = components["schemas"]["TransactionInput"];
type RefundInput = components["schemas"]["RefundInput"];

const gateway = process.argv[2]!;
const messages: Record<string, string> = JSON.parse(process.argv[3]!);
const ledger = createClient<paths>({ baseUrl: gateway });
const user = "generated TypeScript client";

const post = (key: string, body: TransactionInput, client = ledger) =>
  client.POST("/transactions", { params: { header: { "Idempotent-Key": key } }, body });
const balance = async (userId = user) => {
  const { data } = await ledger.GET("/balance", { params: { query: { userId } } });
  return data?.data;
};
const read = (id: string) => ledger.GET("/transactions/{id}", { params: { path: { id } } });

assert.deepEqual(await balance(), { balance: "100" });
const credit: TransactionInput = { userId: user, ammount: "10.50", type: "credit" };
const first = await post("1", credit);
assert.equal(first.data?.data.ammount, "10.5");
assert.equal(first.data.data.status, "posted");
const again = await post("1", credit);
assert.deepEqual(again.data, first.data);
assert.equal(again.response.headers.get("Idempotent-Replayed"), "true");

const { error: declined } = await post("2", { userId: user, ammount: "1000", type: "debit" });
assert(declined && "type" in declined && declined.type === "/problems/insufficient-funds");
assert.equal(declined.balance, "110.5"); // compiles only if the check above has narrowed the type
assert.equal((await read(declined.id)).data?.data.status, "declined");
const { error: wrong } = await post("3", { userId: user, ammount: "0", type: "debit" });
assert(wrong && "type" in wrong && wrong.type === "/problems/invalid-request");
assert(wrong.properties.ammount);
// @ts-expect-error: a transaction is not empty
assert.equal((await post("3", {})).response.status, 400);
const none = await read("00000000-0000-8000-8000-000000000000");
assert(none.error && "type" in none.error && none.error.type === "/problems/not-found");

const transfer = await post("4", {
  entries: [
    { userId: user, ammount: "10.5", type: "debit" },
    { userId: `${user}'s friend`, ammount: "10.5", type: "credit" },
  ],
});
assert.equal(transfer.data?.data.entries?.length, 2);
const held = await post("5", { userId: user, ammount: "40", type: "debit", expiresIn: 60 });
assert.equal(held.data?.data.status, "pending");
assert.deepEqual(await balance(), { balance: "60", held: "40" });
const path = { id: held.data.data.id };
const captured = await ledger.POST("/transactions/{id}/capture", { params: { path }, body: { ammount: "25" } });
assert.equal(captured.data?.data.captured, "25");
assert.deepEqual(await balance(), { balance: "75" });
const voided = await ledger.POST("/transactions/{id}/void", { params: { path } });
assert(voided.error && "type" in voided.error && voided.error.type === "/problems/hold-ended");
assert.equal(voided.error.ended, "captured");

const page = await ledger.GET("/transactions", { params: { query: { userId: user, limit: 1 } } });
assert.equal(page.data?.data.length, 1);
const rest = await ledger.GET("/transactions", { params: { query: { userId: user, cursor: page.data.next! } } });
assert.deepEqual(rest.data?.data.at(-1), first.data.data);
assert.equal(rest.data?.next, undefined);

const original = { id: transfer.data.data.id };
const refund = (key: string, body: RefundInput) =>
  ledger.POST("/transactions/{id}/refunds", { params: { path: original, header: { "Idempotent-Key": key } }, body });
const refunded = await refund("6", { ammount: "4" });
assert.equal(refunded.data?.data.refundOf, original.id);
const sameRefund = await refund("6", { ammount: "4" });
assert.deepEqual(sameRefund.data, refunded.data);
assert.equal(sameRefund.response.headers.get("Idempotent-Replayed"), "true");
const { error: more } = await refund("7", { ammount: "6.51" });
assert(more && "type" in more && more.type === "/problems/refund-limit");
assert.equal(more.refundable, "6.5");
assert.equal((await refund("7", { entries: [{ entry: 1, ammount: "0.50" }] })).response.status, 201);
const { data: refunds } = await ledger.GET("/transactions/{id}/refunds", { params: { path: original } });
assert.deepEqual(refunds?.data, {
  refunds: 2,
  entries: [{ entry: 0, ammount: "10.5", refunded: "4" }, { entry: 1, ammount: "10.5", refunded: "4.5" }],
});

const late = `${user}, who is late`;
const lent = await ledger.POST("/accounts", {
  params: { header: { "Idempotent-Key": "1" } },
  body: { userId: late, debits: "blocked", creditLimit: "50.00" },
});
assert.equal(lent.data?.data.creditLimit, "50");
const { error: blocked } = await post("2", { userId: late, ammount: "1", type: "debit" });
assert(blocked && "type" in blocked && blocked.type === "/problems/account-blocked");
assert.deepEqual(blocked.blocked, ["debits"]);
assert.deepEqual(await balance(late), { balance: "150", creditLimit: "50", blocked: ["debits"] });

for (const [status, message] of Object.entries(messages)) {
  const client = createClient<paths>({ baseUrl: `${gateway}/${status}` });
  const { error, response } = await post("1", credit, client);
  assert.equal(response.status, Number(status));
  assert(error && "message" in error && error.message === message, status);
}
console.log("all answers as expected");
