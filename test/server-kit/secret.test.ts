import { chmod, stat, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { Problem } from '#routes/problem.ts'
import { readSecret, writeSecretFile } from '#server-kit/secret.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const withCode = (code: string) => expect.objectContaining({ code })

describe('secrets', () => {
  it('come from the environment or from a file, without its last line end', async () => {
    await using folder = await temporaryFolder()
    await writeSecretFile(folder.file('key'), 'from a file\n')

    expect(readSecret('${env:KEY}', { KEY: 'from the environment' })).toBe('from the environment')
    expect(readSecret(`\${file:${folder.file('key')}}`, {})).toBe('from a file')
  })

  it('are not taken literally, and a literal is not repeated in the refusal', () => {
    const refusal = (() => {
      try {
        return readSecret('hunter2', {})
      } catch (problem) {
        return problem as Problem
      }
    })()

    expect(refusal).toMatchObject({ code: 'secret-reference-invalid' })
    expect(JSON.stringify([refusal, String(refusal)])).not.toContain('hunter2')
    expect(readSecret('hunter2', {}, { allowLiteral: true })).toBe('hunter2')
    expect(() => readSecret('${vault:x}', {}, { allowLiteral: true })).toThrow(withCode('secret-reference-invalid'))
  })

  it('that are not set, empty, or in a missing file are named', () => {
    expect(() => readSecret('${env:KEY}', {})).toThrow('${env:KEY}')
    expect(() => readSecret('${env:KEY}', { KEY: '' })).toThrow(withCode('secret-missing'))
    expect(() => readSecret('${file:/nowhere/key}', {})).toThrow(withCode('secret-missing'))
  })

  it('in a file that others may read are used with a warning', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('key')
    await writeFile(path, 'open')
    await chmod(path, 0o644)
    const warnings: Problem[] = []

    const secret = readSecret(`\${file:${path}}`, {}, { warn: (problem) => warnings.push(problem) })

    expect(secret).toBe('open')
    expect(warnings).toEqual([withCode('secret-file-open')])
    expect(warnings[0]?.message).toContain('644')
  })

  it('are written for their owner only, without a warning later', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('key')
    const warnings: Problem[] = []

    await writeSecretFile(path, 'mine')

    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(readSecret(`\${file:${path}}`, {}, { warn: (problem) => warnings.push(problem) })).toBe('mine')
    expect(warnings).toEqual([])
  })
})
