import { describe, expect, it } from 'vitest'
import { readCatalog } from '#routes/catalog.ts'
import { urlFault } from '#routes/catalog-sites.ts'

describe('the URL of a listener', () => {
  it.each(['http://orders', 'https://orders.svc.cluster.local:8443/', 'http://127.0.0.1:1', 'http://[fd00::1]:65535'])(
    'may be %s',
    (url) => expect(urlFault(url)).toBeUndefined(),
  )

  it.each([
    ['http://user:secret@orders', 'credentials'],
    ['http://user@orders', 'credentials'],
    ['http://orders:0', 'a port is'],
    ['http://orders:65536', 'a port is'],
    ['http://orders:', 'expected a host'],
    ['http://-orders', 'expected a host'],
    ['http://', 'expected a host'],
    ['http://orders\\evil', 'expected a host'],
  ])('is not %s', (url, expected) => expect(urlFault(url)).toContain(expected))
})

describe('sites.yaml', () => {
  const read = (text: string) => {
    const catalog = readCatalog([
      { file: 'sites.yaml', text },
      { file: 'teams.yaml', text: 'teams: []' },
    ])
    if (!catalog.ok) throw new Error('refused')
    return catalog.catalog
  }
  const two = 'sites: [{ name: b, origin: "http://b" }, { name: a, origin: "http://a", country: DE }]\n'

  it('makes its first site the default, unless it names another', () => {
    expect(read(two).defaultSite).toBe('b')
    expect(read(`${two}defaultSite: a`).defaultSite).toBe('a')
  })

  it('keeps the order of sites and says what is not known of them', () => {
    expect(read(two).sites).toEqual([
      { name: 'b', origin: 'http://b', provider: 'unknown', country: 'unknown', region: 'unknown' },
      { name: 'a', origin: 'http://a', provider: 'unknown', country: 'DE', region: 'unknown' },
    ])
  })

  it('sorts hosts and refuses unsafe targets unless a host is there to observe them', () => {
    expect(read(`${two}hosts: [{ name: z.test, unsafeTargets: observe }, { name: "*.a.test" }]`).hosts).toEqual([
      { name: '*.a.test', aliases: [], unsafeTargets: 'reject' },
      { name: 'z.test', aliases: [], unsafeTargets: 'observe' },
    ])
  })
})
