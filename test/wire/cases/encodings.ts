import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { answer, characters, get, head, host, type WireCase } from '../wire-case.ts'

const content = Buffer.from(JSON.stringify({ compressed: 'by the service itself', again: 'and again '.repeat(20) }))
const encoded: Readonly<Record<string, string>> = {
  gzip: characters(gzipSync(content)),
  br: characters(brotliCompressSync(content)),
  zstd: characters(zstdCompressSync(content)),
  deflate: characters(deflateSync(content)),
  identity: characters(content),
}

/** Each coding asked for, unasked, and as the head alone: an edge that repacks changes length and tag. */
function casesOf([coding, body]: [string, string]): WireCase[] {
  const fields = [`Content-Encoding: ${coding}`, 'Vary: Accept-Encoding', `ETag: "${coding}-1"`]
  const accepts = `Accept-Encoding: ${coding};q=1.0, *;q=0`
  return [
    { name: `${coding} asked for`, request: get('/v1/orders', accepts), answer: answer('200 OK', body, ...fields) },
    { name: `${coding} unasked`, request: get('/v1/orders'), answer: answer('200 OK', body, ...fields) },
    {
      name: `HEAD of ${coding}`,
      request: head('HEAD /v1/orders HTTP/1.1', host, accepts),
      answer: head('HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...fields),
    },
  ]
}

export const encodings: readonly WireCase[] = [
  ...Object.entries(encoded).flatMap(casesOf),
  {
    name: 'a coding that lies',
    request: get('/v1/orders', 'Accept-Encoding: gzip'),
    answer: answer('200 OK', 'plain text', 'Content-Encoding: gzip'),
  },
  {
    name: 'a coding that nobody knows',
    request: get('/v1/orders', 'Accept-Encoding: rot13'),
    answer: answer('200 OK', 'svar', 'Content-Encoding: rot13', 'Content-MD5: abc=='),
  },
]
