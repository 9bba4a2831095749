/** Certificates for tests of TLS, made by openssl: Node makes keys and reads certificates, but writes none. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { temporaryFolder } from './temporary-folder.ts'

export interface Certificate {
  readonly key: string
  readonly cert: string
}

/** One that only itself vouches for, for a DNS name. `curve`: of its key. */
export async function selfSigned(name: string, curve = 'prime256v1'): Promise<Certificate> {
  await using folder = await temporaryFolder()
  const [key, cert] = [folder.file('key.pem'), folder.file('cert.pem')]
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  const form = ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`, '-nodes', '-days', '2']
  await promisify(execFile)('openssl', ['req', '-x509', ...form, '-keyout', key, '-out', cert, ...subject])
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
}
