import { writeFile } from 'node:fs/promises'
import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { readConfig } from '#server-kit/config.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

const schema = Type.Object(
  { site: Type.String(), port: Type.Integer(), key: Type.Optional(Type.String()) },
  { additionalProperties: false },
)

async function written(folder: TemporaryFolder, text: string): Promise<string> {
  const file = folder.file('gateway.yaml')
  await writeFile(file, text)
  return file
}

describe('a configuration file', () => {
  it('becomes a checked value, with variables from the environment and secrets left as references', async () => {
    await using folder = await temporaryFolder()
    const file = await written(
      folder,
      '# ${NOT_SET} in a comment\nsite: ${SITE}\nport: ${PORT:-8080}\nkey: ${env:KEY}\n',
    )

    expect(readConfig(file, schema, { SITE: 'north' })).toEqual({ site: 'north', port: 8080, key: '${env:KEY}' })
  })

  it('is refused whole, with every fault and its place', async () => {
    await using folder = await temporaryFolder()
    const file = await written(folder, 'site: ${NOT_SET}\nport: many\nprot: 1\n')

    const refused = () => readConfig(file, schema, {})

    expect(refused).toThrow(expect.objectContaining({ code: 'config-invalid' }))
    expect(refused).toThrow(`${file}:1 the variable NOT_SET`)
    expect(refused).toThrow(`${file}:2:7`)
    expect(refused).toThrow('prot')
  })

  it('cannot be given a new key through a variable', async () => {
    await using folder = await temporaryFolder()
    const file = await written(folder, 'site: ${SITE}\nport: 1\n')

    expect(() => readConfig(file, schema, { SITE: 'north\nkey: x' })).toThrow(
      expect.objectContaining({ code: 'config-invalid' }),
    )
    expect(readConfig(file, schema, { SITE: 'north\n' })).toEqual({ site: 'north', port: 1 })
  })

  it('that is missing or too large is told as such', async () => {
    await using folder = await temporaryFolder()
    const large = await written(folder, `site: ${'x'.repeat(1024 * 1024)}`)

    expect(() => readConfig(folder.file('none.yaml'), schema, {})).toThrow(
      expect.objectContaining({ code: 'config-unreadable' }),
    )
    expect(() => readConfig(large, schema, {})).toThrow(expect.objectContaining({ code: 'config-unreadable' }))
  })
})
