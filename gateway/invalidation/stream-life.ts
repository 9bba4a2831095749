import { readKeptFile, writeKeptFile } from '#server-kit/kept-file.ts'
import type { Log } from '#server-kit/log.ts'
import type { GroupLife } from './stream-view.ts'

const limitBytes = 1_024

/**
 * Of the group by which this home read last; undefined: by none, so that nothing can be lost of it. Where that cannot be
 * told, it is one that is not there any more: what it may have missed is given up.
 */
export async function keptLife(path: string, log: Log): Promise<GroupLife | undefined> {
  try {
    return await readKeptFile(path, limitBytes)
  } catch (cause) {
    log.error({ err: cause }, 'nobody knows by which group events were read: they count as lost')
    return 'unreadable'
  }
}

/** On the disk when it resolves. Rejects with `kept-file-unusable`: then nothing may be read by that group as yet. */
export async function keepLife(path: string, life: GroupLife): Promise<void> {
  await writeKeptFile(path, life, 0o600)
}
