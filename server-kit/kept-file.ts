/** Files that outlive the process and a power cut: the last good snapshot, a secret, a state. */
import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { problems } from './errors.ts'

/**
 * Puts `content` in the place of the file, whole or not at all, on the disk when the promise resolves.
 * The folder is made when it is missing. Default mode 0644.
 */
export async function writeKeptFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true })
  // A name of its own, since two processes may write the same file: the later rename wins, and each is whole.
  const draft = join(folder, `.${basename(path)}.${process.pid}.${randomUUID()}`)
  try {
    await withFile(draft, 'wx', mode, async (file) => {
      await file.writeFile(content)
      await file.sync()
    })
    await rename(draft, path)
  } catch (cause) {
    await unlink(draft).catch(() => {
      // It was never made, or the disk is gone: the first failure is the one to tell.
    })
    throw problems['kept-file-unusable']({ path, reason: reasonOf(cause), cause })
  }
  // The rename itself lives in the folder: without this sync a power cut may bring the old file back.
  await withFile(folder, 'r', 0, (handle) => handle.sync())
}

/** The file's text, `undefined` when there is none; a file longer than `limitBytes` is a problem, not a surprise in memory. */
export async function readKeptFile(path: string, limitBytes: number): Promise<string | undefined> {
  try {
    return await withFile(path, 'r', 0, async (file) => {
      const { size } = await file.stat()
      if (size > limitBytes) {
        throw problems['kept-file-unusable']({
          path,
          reason: `it has ${size} bytes, at most ${limitBytes} are allowed`,
        })
      }
      return await file.readFile('utf8')
    })
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined
    throw cause instanceof Error && cause.name === 'Problem'
      ? cause
      : problems['kept-file-unusable']({ path, reason: reasonOf(cause), cause })
  }
}

/** The file's value, `undefined` when there is none; the caller checks its shape. */
export async function readKeptJson(path: string, limitBytes: number): Promise<unknown> {
  const text = await readKeptFile(path, limitBytes)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw problems['kept-file-unusable']({ path, reason: 'it is not JSON', cause })
  }
}

async function withFile<T>(
  path: string,
  flags: string,
  mode: number,
  use: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const file = await open(path, flags, mode)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

const errorCode = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
