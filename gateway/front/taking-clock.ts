import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Looks at an answer so many times within its limit. */
const looks = 4
/** Node fires a timer beyond this at once. */
const longestTimerMs = 2 ** 31 - 1

/**
 * The clock of one answer: destroys its connection when the client takes no byte of it for `limitMs` (a quarter of that sharp).
 * What the client sends meanwhile does not help it, as it would with a socket's own time-out. It runs only while bytes wait.
 */
export class TakingClock {
  readonly #response: ServerResponse
  readonly #everyMs: number
  #timer: NodeJS.Timeout | undefined
  #taken = 0
  #still = 0

  constructor(response: ServerResponse, limitMs: number) {
    this.#response = response
    this.#everyMs = Math.min(Math.max(1, limitMs / looks), longestTimerMs)
  }

  /** Bytes wait from now on. */
  run(): void {
    if (this.#timer !== undefined) return
    this.#taken = takenBytes(this.#response.socket)
    this.#still = 0
    this.#wait()
  }

  look(): void {
    this.#timer = undefined
    const { destroyed, writableLength, socket } = this.#response
    if (destroyed || writableLength === 0) return
    const taken = takenBytes(socket)
    this.#still = taken === this.#taken ? this.#still + 1 : 0
    this.#taken = taken
    if (this.#still >= looks) this.#response.destroy()
    else this.#wait()
  }

  #wait(): void {
    this.#timer = setTimeout(look, this.#everyMs, this).unref()
  }
}

function look(clock: TakingClock): void {
  clock.look()
}

/** What the kernel has taken: `bytesWritten` counts what waits as well, and a large piece waits as one until its last byte. */
function takenBytes(socket: Socket | null): number {
  const { _handle: handle } = (socket ?? {}) as { _handle?: { bytesWritten: number; writeQueueSize: number } | null }
  return handle == null ? 0 : handle.bytesWritten - handle.writeQueueSize
}
