import { watch } from 'node:fs'
import { join } from 'node:path'
import { limits } from '#routes/table.ts'
import type { Background } from '#server-kit/background.ts'
import { readKeptJson } from '#server-kit/kept-file.ts'
import type { Part } from '#server-kit/lifecycle.ts'
import { isSealed } from './kept-table.ts'
import type { TableHolder } from './table-holder.ts'

/**
 * Tables from a directory with `structure.json` and `placements.json`, each a sealed document, read at the start and again
 * when they change: a gateway without a control plane.
 */
export function fileTable(directory: string, holder: TableHolder, background: Background): Part {
  const read = async (): Promise<void> => {
    const structure = await readKeptJson(join(directory, 'structure.json'), 2 * limits.structureChars)
    const placements = await readKeptJson(join(directory, 'placements.json'), 2 * limits.placementsChars)
    await holder.offer({
      ...(isSealed(structure) ? { structure } : {}),
      ...(isSealed(placements) ? { placements } : {}),
    })
  }
  let reading = false
  let changed = false
  /** One look at a time: a file that is being written changes often, and is large. */
  const look = async (): Promise<void> => {
    changed = true
    if (reading) return
    reading = true
    try {
      while (changed) {
        changed = false
        try {
          await read()
        } catch (cause) {
          // Half a file: what changed meanwhile is the other half, and is looked at next.
          if (!changed) throw cause
        }
      }
    } finally {
      reading = false
    }
  }
  let watching: ReturnType<typeof watch> | undefined
  return {
    name: 'table directory',
    start: async () => {
      watching = watch(directory, () => background.run('read the table directory', look))
      await read()
    },
    stop: async () => watching?.close(),
  }
}
