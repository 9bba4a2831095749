/**
 * PORT: the few calls that a journal makes to its disk, so that a test can be the disk that is full, broken or slow. Each
 * rejects with what the disk says (`code` as Node has it); nothing is tried twice here.
 */
export interface JournalFiles {
  /** Also those above it. One that exists is no fault. */
  makeFolder(path: string): Promise<void>
  /** Names of the files in it. */
  list(path: string): Promise<readonly string[]>
  open(path: string): Promise<JournalFile>
  /** Rejects when there is one already. */
  create(path: string): Promise<JournalFile>
  /** One that does not exist is no fault. */
  remove(path: string): Promise<void>
  /** Names that were made or removed in it survive the machine. */
  syncFolder(path: string): Promise<void>
}

export interface JournalFile {
  size(): Promise<number>
  /** How many bytes came: fewer than asked for at the end of the file alone. */
  read(into: Buffer, at: number): Promise<number>
  /** All of them, or it rejects and any part of them may stand there. */
  write(bytes: Buffer, at: number): Promise<void>
  /** Makes the file this long; what was not written reads as zeros, and has no room on the disk yet. */
  extend(bytes: number): Promise<void>
  /** What was written survives the machine. */
  sync(): Promise<void>
  close(): Promise<void>
}

const zeros = Buffer.alloc(1024 * 1024)

/** Writes zeros, so that there is room for what comes, and a sync of it need not change what the file system knows of the file. */
export async function reserve(file: JournalFile, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += zeros.length)
    await file.write(zeros.subarray(0, Math.min(zeros.length, to - at)), at)
}
