import { writeSync } from 'node:fs'
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { ProgramLog } from '../../../../control-plane/cli/local/program-log.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

describe('the log of a program', () => {
  it('says ready for the running process only, not for one before it', async () => {
    await using folder = await temporaryFolder()
    await writeFile(folder.file('edge.log'), '{"ready":true}\n')
    const log = new ProgramLog(folder.path, 'edge')

    const output = log.open()
    expect(log.saysReady()).toBe(false)
    writeSync(output.fd, '{"ready":true}\n')

    expect(log.saysReady()).toBe(true)
    output.close()
  })

  it('tells the last lines of the running process', async () => {
    await using folder = await temporaryFolder()
    const log = new ProgramLog(folder.path, 'edge')
    await writeFile(folder.file('edge.log'), 'of an earlier one\n')
    log.open().close()
    await appendFile(folder.file('edge.log'), 'a\nb\nc\n')

    expect(log.lastLines(2)).toBe('b\nc')
  })

  it('never grows without end, under a program that goes on writing', async () => {
    await using folder = await temporaryFolder()
    const log = new ProgramLog(folder.path, 'edge')
    const output = log.open()
    writeSync(output.fd, 'x'.repeat(17 * 1024 * 1024))

    log.trim()
    writeSync(output.fd, 'after\n')

    expect(await readFile(log.file, 'utf8')).toBe('after\n')
    expect((await stat(folder.file('edge.1.log'))).size).toBe(17 * 1024 * 1024)
    output.close()
  })
})
