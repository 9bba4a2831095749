/** Which gateway answered a request, as the gateways' own access logs have it. */
import { open } from 'node:fs/promises'
import { sites } from '../../../control-plane/cli/local/ports.ts'
import { eventually } from '../../../test/support/eventually.ts'
import type { RunningSystem } from '../start-system.ts'

export interface LoggedRequest {
  readonly requestId: string
  readonly site: string
  readonly status: number
  /** The value of `cache-status`. */
  readonly cache?: string
  /** It went over the interconnect: somebody else answered. */
  readonly forwardedTo?: string
}

/** Log lines are written in batches, ten a second. */
const tailBytes = 512 * 1024

/** The line of the gateway that gave the answer; waits until it is written, at most 3 s. */
export async function answeredBy(system: RunningSystem, requestId: string): Promise<LoggedRequest> {
  return eventually(
    async () => {
      const tails = await Promise.all(sites.map((site) => tailOf(system.program(`gateway-${site}`).logFile)))
      return tails.flatMap((text) => linesOf(text, requestId)).find(({ forwardedTo }) => forwardedTo === undefined)
    },
    { deadlineMs: 3_000, everyMs: 50, what: `request ${requestId} in a gateway's access log` },
  )
}

function linesOf(text: string, requestId: string): LoggedRequest[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}') && line.includes(requestId))
    .map((line) => JSON.parse(line) as LoggedRequest)
    .filter((line) => line.requestId === requestId && line.status !== undefined)
}

async function tailOf(file: string): Promise<string> {
  await using handle = await open(file, 'r')
  const { size } = await handle.stat()
  const from = Math.max(0, size - tailBytes)
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from)
  return buffer.toString('utf8', 0, bytesRead)
}
