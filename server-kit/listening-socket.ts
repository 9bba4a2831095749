import { fstatSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { problems } from './errors.ts'

/**
 * A listening socket that this process holds and never accepts from: other processes get its descriptor, so that one of
 * them can be replaced while connections wait in the socket's queue and none is refused or lost.
 */
export interface ListeningSocket {
  readonly fd: number
  readonly port: number
  /**
   * From now on whoever connects is reset at once. A draining process keeps the descriptor and accepts no more: without
   * this, clients would hang in its queue until its last request ends, instead of going elsewhere.
   */
  refuse(): void
  /** Gives the descriptor back; the port is free once no process that inherited it holds it either. */
  close(): Promise<void>
}

export type HolderMessage = { readonly fd: number; readonly port: number } | { readonly failed: string }

/** Connections that may wait while every worker is busy or being replaced; the system's own limit may be lower. */
export const backlog = 4_096

/**
 * Node accepts as soon as a server listens and its event loop turns, and has no way to only hold a socket. So a thread
 * listens and then stands still, before its loop ever turned: descriptors belong to the whole process, and its loop
 * never sees a connection. Throws `listen-refused`.
 */
export async function openListeningSocket(host: string, port: number): Promise<ListeningSocket> {
  const release = new Int32Array(new SharedArrayBuffer(4))
  const holder = new Worker(new URL('./socket-holder.ts', import.meta.url), {
    workerData: { host, port, backlog, release },
    execArgv: [],
  })
  const address = `${host}:${port}`
  const message = await new Promise<HolderMessage>((resolve) => {
    holder.once('message', resolve)
    holder.once('error', (error) => resolve({ failed: String(error) }))
  })
  if ('failed' in message) {
    await holder.terminate()
    throw problems['listen-refused']({ address, reason: message.failed })
  }
  const refuse = () => {
    Atomics.store(release, 0, 1)
    Atomics.notify(release, 0)
  }
  const close = async () => {
    const gone = new Promise((resolve) => holder.once('exit', resolve))
    refuse()
    holder.postMessage('close')
    await gone
  }
  if (!fstatSync(message.fd).isSocket()) {
    await close()
    throw problems['listen-refused']({ address, reason: 'this Node does not tell the descriptor of its sockets' })
  }
  holder.unref()
  return { fd: message.fd, port: message.port, refuse, close }
}
