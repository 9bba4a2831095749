import { crc32 } from 'node:zlib'
import { problems } from '../errors.ts'
import { type JournalFile, type JournalFiles, reserve } from './journal-files.ts'

/*
 * A small text that is written in place, in turn into one of two halves, so that one is always whole:
 *   "TGJ2" | u32 bytes | f64 number of the writing, from 1 | u32 crc32 of these 16
 *     | text | u32 crc32 of the text | u32 crc32 of the head again | u32 the same inverted
 * The end tells a writing that was broken off, on which nobody relied, from one that was whole and is no more. A disk writes
 * whole sectors, so that the head is there or not.
 */
const mark = 0x54474a32
const headBytes = 20
const tailBytes = 12
const halfBytes = 64 * 1024
const fileBytes = 2 * halfBytes

/** Longest text, bytes. */
export const twinTextLimit = halfBytes - headBytes - tailBytes

export class TwinFile {
  readonly #file: JournalFile
  #writings = 0
  #queue: Promise<unknown> = Promise.resolve()
  #text: string | undefined
  #damaged = false

  private constructor(file: JournalFile) {
    this.#file = file
  }

  /** `exists`: else it is made, and is damaged until it is cleared. */
  static async open(files: JournalFiles, path: string, exists: boolean): Promise<TwinFile> {
    const twin = new TwinFile(await (exists ? files.open(path) : files.create(path)))
    await twin.#read()
    return twin
  }

  /** The newest that was whole when it was opened. */
  get text(): string | undefined {
    return this.#text
  }

  /** One of the halves was not what was written when it was opened, or the file had another length. */
  get damaged(): boolean {
    return this.#damaged
  }

  /** Nothing was ever written, and there is room for both halves. */
  async clear(): Promise<void> {
    await reserve(this.#file, 0, fileBytes)
    await this.#file.sync()
  }

  /** One after the other; `synced`: it survives the machine when this resolves. Rejects with what the disk says. */
  write(text: () => string, synced: boolean): Promise<void> {
    const writing = this.#queue.then(() => this.#write(text(), synced))
    this.#queue = writing.catch(() => {
      // Whoever asked for that writing was told; the next one is a new try.
    })
    return writing
  }

  async close(): Promise<void> {
    await this.#queue
    await this.#file.close()
  }

  async #write(text: string, synced: boolean): Promise<void> {
    const textBytes = Buffer.byteLength(text)
    if (textBytes > twinTextLimit)
      throw problems['cache-journal-full']({ log: 'marks or segments', bytes: twinTextLimit })
    const bytes = encodeHalf(text, textBytes, this.#writings + 1)
    await this.#file.write(bytes, ((this.#writings + 1) % 2) * halfBytes)
    if (synced) await this.#file.sync()
    // Counted when it stands: after a failure the same half is written again, and the other one is still whole.
    this.#writings++
  }

  async #read(): Promise<void> {
    const both = Buffer.alloc(fileBytes)
    const read = await this.#file.read(both, 0)
    this.#damaged = read !== fileBytes || (await this.#file.size()) !== fileBytes
    for (const from of [0, halfBytes]) {
      const found = readHalf(both.subarray(from, from + halfBytes))
      if (found === 'damaged') this.#damaged = true
      if (typeof found === 'string' || found.writings <= this.#writings) continue
      this.#writings = found.writings
      this.#text = found.text
    }
  }
}

function encodeHalf(text: string, textBytes: number, writings: number): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + textBytes + tailBytes)
  bytes.writeUInt32BE(mark, 0)
  bytes.writeUInt32BE(textBytes, 4)
  bytes.writeDoubleBE(writings, 8)
  const headCrc = crc32(bytes.subarray(0, 16))
  bytes.writeUInt32BE(headCrc, 16)
  const end = headBytes + bytes.write(text, headBytes)
  bytes.writeUInt32BE(crc32(bytes.subarray(headBytes, end)), end)
  bytes.writeUInt32BE(headCrc, end + 4)
  bytes.writeUInt32BE(~headCrc >>> 0, end + 8)
  return bytes
}

/** `unwritten`: nothing that was finished stands there. */
function readHalf(half: Buffer): { readonly writings: number; readonly text: string } | 'unwritten' | 'damaged' {
  if (half.subarray(0, headBytes).every((byte) => byte === 0)) return 'unwritten'
  const end = headBytes + half.readUInt32BE(4)
  const headCrc = crc32(half.subarray(0, 16))
  if (half.readUInt32BE(0) !== mark || half.readUInt32BE(16) !== headCrc || end + tailBytes > half.length)
    return 'damaged'
  const wrongBits = ones(half.readUInt32BE(end + 4) ^ headCrc) + ones(half.readUInt32BE(end + 8) ^ ~headCrc)
  // What stands there from before is another thing altogether; a single bit that turned is damage.
  if (wrongBits > 1) return 'unwritten'
  if (wrongBits === 1 || crc32(half.subarray(headBytes, end)) !== half.readUInt32BE(end)) return 'damaged'
  return { writings: half.readDoubleBE(8), text: half.toString('utf8', headBytes, end) }
}

function ones(bits: number): number {
  let count = 0
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++
  return count
}
