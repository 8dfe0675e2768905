/** The transaction may or may not have counted. The same call with the same key, now or in a week, settles it. */
export class UnknownOutcome extends Error {
  constructor(readonly key: string, cause: unknown) {
    super(`outcome unknown; keep the key "${key}" and send the same call again: ${cause}`, { cause });
  }
}

/**
 * Retries a transaction until an answer is final, or the seconds have passed. Save
 * the key with the order before the first call.
 */
export async function post(url: string, key: string, transaction: object, seconds: number) {
  const call = new Request(url, { // an invalid URL throws here, before anything is sent
    method: "POST",
    // The header's standard name. If it is missing, a browser may add it with its own key.
    headers: { "Idempotency-Key": key, "Content-Type": "application/json" },
    body: JSON.stringify(transaction),
    redirect: "manual", // if followed, the POST would become a GET
  });
  const end = Date.now() + seconds * 1000;
  let maybe = false; // whether an attempt may have counted
  for (let attempt = 0; ; attempt++) {
    let wait = Math.random() * Math.min(5000, 200 * 2 ** attempt);
    let cause: unknown;
    try {
      const within = Math.min(15_000, Math.max(1, end - Date.now())); // the ledger answers within 10 s
      const answer = await fetch(call.clone(), { signal: AbortSignal.timeout(within) });
      const text = await answer.text();
      const { status } = answer;
      if (status === 201 || status === 422) {
        JSON.parse(text); // throws if the answer is incomplete
        return { status, text };
      }
      if (![408, 425, 429].includes(status) && status < 500) {
        if (!maybe && status >= 400) return { status, text };
        // A redirect or another 2xx is not the ledger's answer. A 401 after a lost
        // answer does not show whether the transaction counted.
        wait = Infinity;
      }
      maybe ||= status >= 500 || status === 408; // 425 and 429 mean that the call did not reach the ledger
      wait = Math.max(wait, 1000 * (Number(answer.headers.get("Retry-After")) || 0));
      cause = `the last answer was ${status}`;
    } catch (error) {
      maybe = true;
      cause = error;
    }
    if (Date.now() + wait > end) throw new UnknownOutcome(key, cause);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
