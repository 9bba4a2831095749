/** What a broken disk does to the files of a program that does not run. */
import { open, readdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '#server-kit/random.ts'

export interface Damage {
  readonly kind: 'cut' | 'flip'
  /** Relative to the folder. */
  readonly file: string
  /** Of the first byte that is gone, or of the one whose bit turned. */
  readonly at: number
}

/**
 * Cuts one file under `folder` at a random place, or turns one random bit, in the part that was written: what a journal
 * preallocates and never wrote is all zeros, and nobody misses it. Undefined: nothing is there that could be damaged.
 * `random` decides all of it, so that the same files suffer the same.
 */
export async function damageFile(folder: string, kind: Damage['kind'], random: Random): Promise<Damage | undefined> {
  const files: { readonly file: string; readonly written: number }[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const written = await writtenBytes(path)
    if (written > 0) files.push({ file: path, written })
  }
  files.sort((a, b) => (a.file < b.file ? -1 : 1))
  const hit = files[Math.floor(random.next() * files.length)]
  if (hit === undefined) return undefined
  const at = Math.floor(random.next() * hit.written)
  if (kind === 'cut') await truncate(hit.file, at)
  else await flip(hit.file, at, 1 << Math.floor(random.next() * 8))
  return { kind, file: hit.file.slice(folder.length + 1), at }
}

async function flip(path: string, at: number, bit: number): Promise<void> {
  await using file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ bit
  await file.write(byte, 0, 1, at)
}

const blockBytes = 256 * 1024

/** Where the last byte stands that is not zero, plus one. */
async function writtenBytes(path: string): Promise<number> {
  await using file = await open(path, 'r')
  const block = Buffer.alloc(blockBytes)
  for (let end = (await stat(path)).size; end > 0; ) {
    const from = Math.max(0, end - blockBytes)
    const { bytesRead } = await file.read(block, 0, end - from, from)
    for (let at = bytesRead - 1; at >= 0; at--) if (block[at] !== 0) return from + at + 1
    end = from
  }
  return 0
}
