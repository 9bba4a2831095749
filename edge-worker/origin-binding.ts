import type { Fetching, Sender } from './origin-client.ts'

/** One service binding a site: the connection goes where the host says, and the client's Host stays as it is. */
export function byBinding(bound: Fetching): Sender {
  return (request) => bound.fetch(request)
}
