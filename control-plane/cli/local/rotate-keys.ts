/** A step of a rotation on the files of a folder: each file is whole at every moment, and readable by its owner alone. */
import { join } from 'node:path'
import type { Purpose } from '#routes/seal.ts'
import { readKeptJson, writeKeptFile } from '#server-kit/kept-file.ts'
import { writeSecretFile } from '#server-kit/secret.ts'
import { problems } from '../errors.ts'
import { newPair, newSecret, openName, purposes, sealingName, text } from './keys.ts'
import {
  type Aged,
  type AgedRing,
  nextId,
  nextStep,
  nextTableStep,
  type OpenFile,
  type Refused,
  rotateRing,
  rotateTables,
  type SealingFile,
  type Step,
  type TableFiles,
} from './rotation.ts'

export const rotated = [...purposes, 'tables'] as const
export type Rotated = (typeof rotated)[number]

/** A key without its secret. */
export interface ListedKey extends Aged {
  readonly purpose: Rotated
  readonly use: 'signs' | 'verifies'
}

export interface ListedPurpose {
  readonly keys: readonly ListedKey[]
  /** Undefined: which it is cannot be told from the file. */
  readonly next: Step | undefined
}

const limitBytes = 64 * 1024

/** Takes one step; throws `rotation-refused` for one that is not next, and leaves all files as they are. */
export async function rotateKeys(folder: string, purpose: Rotated, step: Step): Promise<ListedPurpose> {
  if (purpose === 'tables') await rotateTableFiles(folder, step)
  else await rotateRingFile(folder, purpose, step)
  return listPurpose(folder, purpose)
}

/** What the folder has of a purpose. */
export async function listPurpose(folder: string, purpose: Rotated): Promise<ListedPurpose> {
  const next = (expected: Step | Refused) => (typeof expected === 'string' ? expected : undefined)
  if (purpose !== 'tables') {
    const { keys } = await readRing(folder, purpose)
    return { keys: listed(keys, purpose, keys[0]?.id), next: next(nextStep(keys)) }
  }
  const files = await readTables(folder)
  return { keys: listed(files.open.keys, purpose, files.sealing.id), next: nextTableStep(files) }
}

function listed(keys: readonly Aged[], purpose: Rotated, signing: string | undefined): readonly ListedKey[] {
  return keys.map(({ id, createdAt }) => ({
    purpose,
    id,
    ...(createdAt === undefined ? {} : { createdAt }),
    use: id === signing ? 'signs' : 'verifies',
  }))
}

async function rotateRingFile(folder: string, purpose: Purpose, step: Step): Promise<void> {
  const ring = await readRing(folder, purpose)
  const after = accepted(purpose, rotateRing(ring, step, newSecret(nextId(ring.keys, 'k'))))
  await writeSecretFile(join(folder, `${purpose}.json`), text(after))
}

async function rotateTableFiles(folder: string, step: Step): Promise<void> {
  const files = await readTables(folder)
  const { sealing, open } = accepted('tables', rotateTables(files, step, await newPair(nextId(files.open.keys, 't'))))
  // The file of secrets has the last word on how far the rotation is: at `retire` it is written when all else is done.
  const writeSealing = () => writeSecretFile(join(folder, sealingName), text(sealing))
  const writeOpen = () => writeKeptFile(join(folder, openName), text(open))
  for (const write of step === 'retire' ? [writeOpen, writeSealing] : [writeSealing, writeOpen]) await write()
}

async function readRing(folder: string, purpose: Purpose): Promise<AgedRing> {
  const path = join(folder, `${purpose}.json`)
  const ring = (await readObject(path)) as Partial<AgedRing>
  if (ring.purpose !== purpose || !Array.isArray(ring.keys)) {
    throw problems['key-folder-unusable']({ path, reason: `it is no ring for ${purpose}` })
  }
  return ring as AgedRing
}

async function readTables(folder: string): Promise<TableFiles> {
  const [sealingPath, openPath] = [join(folder, sealingName), join(folder, openName)]
  const sealing = (await readObject(sealingPath)) as Partial<SealingFile>
  const open = (await readObject(openPath)) as Partial<OpenFile>
  if (typeof sealing.id !== 'string' || typeof sealing.privateKey !== 'string') {
    throw problems['key-folder-unusable']({ path: sealingPath, reason: 'it is no pair of keys that seals tables' })
  }
  if (!Array.isArray(open.keys)) {
    throw problems['key-folder-unusable']({ path: openPath, reason: 'it is no list of public keys' })
  }
  return { sealing: sealing as SealingFile, open: open as OpenFile }
}

async function readObject(path: string): Promise<object> {
  const value = await readKeptJson(path, limitBytes)
  if (typeof value === 'object' && value !== null) return value
  throw problems['key-folder-unusable']({ path, reason: value === undefined ? 'it is not there' : 'it is no object' })
}

function accepted<After extends object>(purpose: Rotated, after: After | Refused): After {
  if ('refused' in after) throw problems['rotation-refused']({ purpose, reason: after.refused })
  return after
}
