// The client of the service. A picture is one request; the service makes batches of all clients.

const AT_ONCE = 6;
const waiting = [];
let running = 0;
let token = "";

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function useToken(given) {
  token = given;
}

export async function askModel() {
  return (await answered("v1/model", {})).json();
}

// The result of one picture. It waits for its turn, and while the service is busy. `signal` cancels it.
export async function askCaption(file, query, signal) {
  await turn(signal);
  try {
    const target = `v1/caption?${new URLSearchParams(query)}`;
    for (;;) {
      try {
        const answer = await answered(target, { method: "POST", body: file, signal });
        return (await answer.json()).results[0];
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 503) throw error;
        await pause(1000 * (0.5 + Math.random()), signal);
      }
    }
  } finally {
    running -= 1;
    next();
  }
}

async function answered(target, options) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let answer;
  try {
    answer = await fetch(target, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "the service does not answer: is it running?");
  }
  if (answer.ok) return answer;
  const reply = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, reply.error ?? `the service answers ${answer.status}`);
}

function turn(signal) {
  return new Promise((resolve, reject) => {
    waiting.push({ resolve, reject, signal });
    next();
  });
}

function next() {
  while (running < AT_ONCE && waiting.length) {
    const { resolve, reject, signal } = waiting.shift();
    if (signal.aborted) {
      reject(signal.reason);
    } else {
      running += 1;
      resolve();
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
