// Runs post.ts for a test. The arguments are the URL, the key, the transaction and the
// seconds.
import { post, UnknownOutcome } from "./post.js";

const [url, key, transaction, seconds] = process.argv.slice(2);
try {
  console.log(JSON.stringify(await post(url, key, JSON.parse(transaction), Number(seconds))));
} catch (error) {
  if (!(error instanceof UnknownOutcome)) throw error;
  console.log(JSON.stringify({ unknown: error.message }));
}
