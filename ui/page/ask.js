/** Questions to the server; every answer is an object, with `error` where something is wrong. */

import { state, tell } from "./state.js";

const LOOK_MS = 1500;
let call;
export let upload;
export let connected = true;

export function connect(server, uploads) {
  call = server.call;
  upload = uploads;
}

export async function ask(what, values = {}) {
  let answer;
  try {
    answer = await call({ do: what, me: state.me, ...values });
  } catch {
    answer = undefined;
  }
  const reached = answer !== undefined && answer !== null;
  if (reached !== connected) {
    connected = reached;
    if (!reached) lookForIt();
    tell("connection");
  }
  return reached ? answer : { error: "The studio's server does not answer. Your script is safe in this browser.", away: true };
}

/** The page finds the server when it is back, whether or not anybody writes meanwhile. */
async function lookForIt() {
  while (!connected) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    await ask("hello");
  }
}

/** Where a file of the server's is read. */
export const urlOf = (file) => `./gradio_api/file=${file.split("/").map(encodeURIComponent).join("/")}`;
