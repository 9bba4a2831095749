import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readEdgeConfig } from '../../../edge-worker/host/config.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

let folder: TemporaryFolder
beforeEach(async () => {
  folder = await temporaryFolder()
  for (const file of ['tables', 'gateways', 'control']) writeFileSync(folder.file(`${file}.json`), '{"keys":[]}')
})
afterEach(() => folder[Symbol.asyncDispose]())

const whole = `
name: edge-1
listen: "127.0.0.1:17080"
home: state/edge
controlPlane: { url: "http://127.0.0.1:17000/" }
keys: { tables: tables.json, gateways: gateways.json, control: control.json }
sites: { onprem: "http://127.0.0.1:17101" }
`

function read(yaml: string) {
  writeFileSync(folder.file('edge.yaml'), yaml)
  return readEdgeConfig(folder.file('edge.yaml'), {})
}

describe('edge.yaml', () => {
  it('is read with its defaults, paths beside the file', () => {
    expect(read(whole)).toMatchObject({
      name: 'edge-1',
      listen: { host: '127.0.0.1', port: 17080 },
      workers: availableParallelism(),
      memoryCeilingBytes: 512_000_000,
      admin: undefined,
      sites: { onprem: { url: 'http://127.0.0.1:17101' } },
      home: folder.file('state/edge'),
      controlPlaneUrl: 'http://127.0.0.1:17000',
      drainMs: 30_000,
      logLevel: 'info',
      trustedClientIpHeader: undefined,
      trustedCountryHeader: undefined,
      files: ['edge.yaml', 'tables.json', 'gateways.json', 'control.json'].map(folder.file),
    })
  })

  it('has its admin listener on loopback unless told otherwise, and names its files of PEM to be watched', () => {
    expect(read(`${whole}admin: {}\n`).admin).toEqual({ listen: { host: '127.0.0.1', port: 17081 }, tokens: [] })
    const tls = whole.replace(
      'sites: { onprem: "http://127.0.0.1:17101" }',
      'sites: { onprem: { url: "https://g", ca: none.pem } }',
    )

    expect(() => read(tls)).toThrow(/none\.pem cannot be read/)
    writeFileSync(folder.file('none.pem'), 'nothing')
    expect(() => read(tls)).toThrow(/sites\.onprem: none\.pem holds no PEM certificate/)
  })

  it('takes an IPv6 address', () => {
    expect(read(whole.replace('127.0.0.1:17080', '[::1]:80')).listen).toEqual({ host: '::1', port: 80 })
  })

  it('tells every fault at once with its place', () => {
    const bad = whole.replace('17080"', '17080x"').replace('name:', 'nmae:')

    expect(() => read(bad)).toThrow(/edge\.yaml:2:1 [\s\S]*edge\.yaml:3:9 /)
  })

  it('never quotes a key file that is not JSON: it may be a secret', () => {
    writeFileSync(folder.file('gateways.json'), '{"keys":[{"secret":"hush"}')

    expect(() => read(whole)).toThrow(/gateways\.json cannot be read as JSON/)
    try {
      read(whole)
    } catch (error) {
      expect(`${(error as Error).stack} ${(error as Error).cause}`).not.toContain('hush')
    }
  })
})
