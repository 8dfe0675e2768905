// Runs post.ts for a test: URL, key, transaction and seconds are its arguments.
import { post, UnknownOutcome } from "./post.js";

const [url, key, transaction, seconds] = process.argv.slice(2);
try {
  console.log(JSON.stringify(await post(url, key, JSON.parse(transaction), Number(seconds))));
} catch (error) {
  if (!(error instanceof UnknownOutcome)) throw error;
  console.log(JSON.stringify({ unknown: error.message }));
}
