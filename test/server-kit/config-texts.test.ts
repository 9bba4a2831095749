import { describe, expect, it } from 'vitest'
import { listenText, sha256Text, urlText } from '#server-kit/config-texts.ts'

const takes = ({ pattern }: { pattern: string }, text: string) => new RegExp(pattern).test(text)

describe('texts of configuration files', () => {
  it('take an address with a port', () => {
    for (const text of ['127.0.0.1:17000', '[::1]:0', 'gateway.local:80'])
      expect(takes(listenText(''), text)).toBe(true)
    for (const text of ['17000', 'host', 'host:', 'a b:1', '127.0.0.1:123456'])
      expect(takes(listenText(''), text)).toBe(false)
    expect(listenText('127.0.0.1:17101').patternErrorMessage).toContain('such as 127.0.0.1:17101')
  })

  it('take a URL of host and port, and no path, query or fragment', () => {
    for (const text of ['http://a:1', 'https://a/']) expect(takes(urlText, text)).toBe(true)
    for (const text of ['ftp://a', 'http://', 'http://a/b', 'http://a?b', 'http://a#b', 'http://a b']) {
      expect(takes(urlText, text)).toBe(false)
    }
  })

  it('take a digest in lower-case hex', () => {
    expect(takes(sha256Text, 'a1'.repeat(32))).toBe(true)
    for (const text of ['A1'.repeat(32), 'a1'.repeat(31), '']) expect(takes(sha256Text, text)).toBe(false)
  })
})
