import { describe, expect, it } from 'vitest'
import type { JournalFiles } from '../../../gateway/journal/journal-files.ts'
import { nodeJournalFiles } from '../../../gateway/journal/node-journal-files.ts'
import { TwinFile } from '../../../gateway/journal/twin-file.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const halfBytes = 64 * 1024

async function written(path: string, texts: readonly string[], files: JournalFiles = nodeJournalFiles): Promise<void> {
  const twin = await TwinFile.open(files, path, false)
  await twin.clear()
  for (const text of texts) await twin.write(() => text, true)
  await twin.close()
}

async function reread(path: string): Promise<{ text: string | undefined; damaged: boolean }> {
  const twin = await TwinFile.open(nodeJournalFiles, path, true)
  await twin.close()
  return { text: twin.text, damaged: twin.damaged }
}

async function change(path: string, at: number, by: (bytes: Buffer) => void): Promise<void> {
  const file = await nodeJournalFiles.open(path)
  const bytes = Buffer.alloc(halfBytes)
  await file.read(bytes, at)
  by(bytes)
  await file.write(bytes, at)
  await file.close()
}

describe('a twin file', () => {
  it('gives the newest text back', async () => {
    await using folder = await temporaryFolder()
    await written(folder.file('twin'), ['one', 'two', 'three'])

    expect(await reread(folder.file('twin'))).toEqual({ text: 'three', damaged: false })
  })

  it('gives the text before it when a writing was broken off', async () => {
    await using folder = await temporaryFolder()
    await written(folder.file('twin'), ['x'.repeat(900), 'y'.repeat(900), 'z'.repeat(900)])
    // The third stands in the half of the first: put back what was behind its first sector.
    await change(folder.file('twin'), halfBytes, (bytes) => {
      bytes.fill('x', 512, 920)
      bytes.fill(1, 920, 932)
    })

    expect(await reread(folder.file('twin'))).toEqual({ text: 'y'.repeat(900), damaged: false })
  })

  it('says that it is damaged for each bit that turned in the newest half, and never gives a changed text', async () => {
    await using folder = await temporaryFolder()
    await written(folder.file('twin'), ['one', 'two'])
    for (let bit = 0; bit < (20 + 3 + 12) * 8; bit++) {
      const turn = (bytes: Buffer): void => {
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      }
      await change(folder.file('twin'), 0, turn)
      expect(await reread(folder.file('twin'))).toEqual({ text: 'one', damaged: true })
      await change(folder.file('twin'), 0, turn)
    }
  })
})
