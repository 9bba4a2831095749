import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { authContradictions } from '../../../gateway/auth/auth-config.ts'
import { readGatewayConfig } from '../../../gateway/config.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { authYaml } from './auth-yaml.ts'

const page = readFileSync(new URL('../../../docs/operate/tokens.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text as string)
const least = {
  site: 'onprem',
  home: '.',
  listen: { public: '127.0.0.1:0', internal: '127.0.0.1:0' },
  table: { file: 'table' },
}

describe('the configuration of auth', () => {
  it('takes every example of docs/operate/tokens.md', async () => {
    await using folder = await temporaryFolder()
    const file = folder.file('gateway.yaml')
    expect(examples.length).toBeGreaterThan(8)

    for (const text of examples) {
      const example = parse(text) as { keys?: object }
      await writeFile(file, stringify({ ...least, ...example, keys: { tables: 'keys/tables.json', ...example.keys } }))
      expect(() => readGatewayConfig(file, {}), text).not.toThrow()
    }
  })

  it.each([
    ['a driver without a place', { tokens: { driver: 'redis' } }, 'tokens.url is missing'],
    [
      'two places',
      { tokens: { driver: 'redis', url: 'redis://127.0.0.1:1', cluster: ['127.0.0.1:2'] } },
      'more than one of url, sentinels and cluster',
    ],
    ['keys without a store', { apiKeys: { headers: ['x-api-key'] } }, 'keys have no store'],
    [
      'keys that would be tokens',
      { tokens: { driver: 'memory', file: 'f', key: 'a:{token}' }, apiKeys: { headers: ['x'], key: 'a:{key}' } },
      'each would be taken for the other',
    ],
    [
      'keys that could be written like tokens',
      { tokens: { driver: 'memory', file: 'f' }, apiKeys: { headers: ['x'], key: '{key}', hash: 'none' } },
      'could spell the key of the other',
    ],
    [
      'tokens that could be written like keys',
      {
        tokens: { driver: 'memory', file: 'f', key: 'a:{token}', hash: 'none' },
        apiKeys: { headers: ['x'], key: 'a:b/{key}' },
      },
      'could spell the key of the other',
    ],
    ['authorization as the header of keys', { apiKeys: { headers: ['authorization'] } }, 'is for bearer tokens'],
    ['a clock that may be wrong by minutes', { jwt: { skew: '2m' } }, 'jwt.skew is longer than 60s'],
    ['a signature without a key', { identity: { form: 'token' } }, 'identity.keys is missing'],
    ['an identity for hours', { identity: { lifetime: '1h' } }, 'identity.lifetime is longer than 60s'],
    ['one header twice', { identity: { consumer: 'x-a', scopes: 'x-a' } }, 'writes one header twice'],
    ['a header that is ours to set', { identity: { consumer: 'host' } }, 'identity must not write'],
    ['a header that frames', { identity: { claims: { n: 'content-length' } } }, 'identity must not write'],
    ['a signed one, too', { identity: { header: 'connection' } }, 'identity must not write'],
  ])('refuses %s', (_, yaml, fault) => {
    expect(authContradictions(authYaml(yaml)).join('\n')).toContain(fault)
  })

  it('takes a token as the whole of its key beside keys that no token can spell', () => {
    const yaml = { tokens: { driver: 'memory', file: 'f', key: '{token}', hash: 'none' }, apiKeys: { headers: ['x'] } }

    expect(authContradictions(authYaml(yaml))).toEqual([])
  })

  it.each([
    [{ tokens: { password: 'in plain' } }, /secret/],
    [{ apiKeys: { headers: ['X-Api_Key'] } }, /header name/],
    [{ identity: { consumer: 'x_consumer' } }, /header name/],
    [{ tokens: { key: 'token' } }, /template/],
    [{ apiKeys: { key: 'key:{token}' } }, /template/],
  ])('says what is wrong with %j', (yaml, said) => {
    expect(() => authYaml(yaml)).toThrow(said)
  })
})
