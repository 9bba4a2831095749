/** The heap of another Node process, seen through its inspector: after a collection, so that only what is held counts. */
import { WebSocket } from 'ws'
import { within } from '../../../test/support/eventually.ts'
import type { RunningProcess } from '../../../test/support/process-runner.ts'

/** Environment of a process that can be asked. */
export const inspected = { NODE_OPTIONS: '--inspect=127.0.0.1:0' } as const

export interface InspectedHeap extends AsyncDisposable {
  /** Bytes in use after a forced collection: the least of five looks within a second. */
  used(): Promise<number>
}

export async function inspectHeap(process: RunningProcess): Promise<InspectedHeap> {
  const [, url = ''] = await process.waitFor(/Debugger listening on (ws:\S+)/)
  const socket = new WebSocket(url)
  const waiting = new Map<number, (result: unknown) => void>()
  socket.on('message', (data) => {
    const { id, result } = JSON.parse(String(data)) as { id: number; result: unknown }
    waiting.get(id)?.(result)
  })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  let calls = 0
  const call = (method: string): Promise<unknown> => {
    const id = ++calls
    const answered = new Promise((resolve) => waiting.set(id, resolve))
    socket.send(JSON.stringify({ id, method }))
    return within(20_000, `the inspector's answer to ${method}`, answered)
  }
  const collected = async (): Promise<number> => {
    // Twice: what the first one finalises is free after the second.
    await call('HeapProfiler.collectGarbage')
    await call('HeapProfiler.collectGarbage')
    return ((await call('Runtime.getHeapUsage')) as { usedSize: number }).usedSize
  }
  return {
    used: async () => {
      // Requests and tables that are just under way are no growth: the least of several moments is what is held.
      const looks: number[] = []
      for (let at = 0; at < 5; at++) {
        looks.push(await collected())
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      return Math.min(...looks)
    },
    [Symbol.asyncDispose]: async () => socket.terminate(),
  }
}
