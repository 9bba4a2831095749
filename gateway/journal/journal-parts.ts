import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import { DestinationReader } from './destination-reader.ts'
import { DirtyNamespaces } from './dirty-namespaces.ts'
import type { JournalFiles } from './journal-files.ts'
import {
  type DestinationMarks,
  formatState,
  type JournalMarks,
  type JournalState,
  parseMarks,
  parseState,
} from './journal-state.ts'
import { seqOf, stampOf } from './raw-record.ts'
import { recoverLog } from './recovery.ts'
import { isSegmentName, type LogKind, type Segment, type SegmentPlace, segmentName } from './segment.ts'
import { SegmentedLog } from './segmented-log.ts'
import { SyncTimes } from './sync-times.ts'
import { TwinFile } from './twin-file.ts'

export interface JournalLimits {
  readonly invalidationsBytes: number
  readonly valuesBytes: number
  /** Of one file; default 16 MiB. */
  readonly segmentBytes?: number
}

export interface PartsOptions {
  /** Of the slot. Nobody else has it open. */
  readonly folder: string
  readonly place: string
  readonly limits: JournalLimits
  readonly files: JournalFiles
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** What a journal is made of, as it was found in a slot, or made there. */
export interface JournalParts {
  readonly place: string
  /** `id` and `lost` of the state; changed here, then saved. */
  readonly identity: { readonly id: string; lost: boolean; afterLoss: boolean }
  readonly saveState: () => Promise<void>
  readonly marksFile: TwinFile
  readonly dirty: DirtyNamespaces
  readonly logs: Readonly<Record<LogKind, SegmentedLog>>
  readonly readers: readonly DestinationReader[]
  readonly openReader: (name: string) => DestinationReader
  /** As they were found. */
  readonly head: number
  readonly newestStamp: bigint
  readonly applied: number
  readonly syncTimes: SyncTimes
  close(): Promise<void>
  /** Instead of `close`: the slot is as good as new, but for what its stamps and numbers must stay above. */
  remove(): Promise<void>
}

const defaultSegmentBytes = 16 * 1024 * 1024
const leastSegmentBytes = 64 * 1024
const tailBytes = { invalidations: 8 * 1024 * 1024, values: 16 * 1024 * 1024 }
const kinds = ['invalidations', 'values'] as const

/** Rejects when the files cannot be opened or made. What is in them and cannot be read whole is given up, and said: `lost`. */
export async function openParts(options: PartsOptions): Promise<JournalParts> {
  const { folder, files, place, random } = options
  await files.makeFolder(folder)
  const names = new Set(await files.list(folder))
  const stateFile = await TwinFile.open(files, `${folder}/state`, names.has('state'))
  const marksFile = await TwinFile.open(files, `${folder}/marks`, names.has('marks'))
  const dirty = await DirtyNamespaces.open(files, `${folder}/dirty`, names.has('dirty'))
  const state = stateFile.damaged ? undefined : parseState(stateFile.text)
  const marks = parseMarks(marksFile.text)

  const isNew = state?.retired === true || (stateFile.text === undefined && ![...names].some(isSegmentName))
  const identity = { id: state?.id ?? '', lost: state?.lost ?? false, afterLoss: state?.afterLoss ?? false }
  const syncTimes = new SyncTimes()
  const saveState = (): Promise<void> =>
    stateFile.write(() => formatState({ ...identity, retired: false, segments: listsOf(row.logs) }), true)
  const newRow = (): Row => openRow(options, { identity, marks, dirty, names, saveState, syncTimes })
  let row = newRow()
  if (isNew || state === undefined || dirty.damaged || !(await recoverRow(row, state))) {
    row = newRow()
    const id = Buffer.from(random.bytes(16)).toString('hex')
    Object.assign(identity, { id, lost: !isNew, afterLoss: !isNew })
    // In this order: what is mended before it stands that something was lost would look as if nothing had happened.
    if (stateFile.damaged) await stateFile.clear()
    if (isNew) await dirty.clear()
    await saveState()
    if (!isNew) await dirty.clear()
    row.applied = row.head
  }
  if (marksFile.damaged) await marksFile.clear()
  await removeUnlisted(options, names, row.logs)

  return {
    ...row,
    place,
    identity,
    saveState,
    marksFile,
    dirty,
    syncTimes,
    close: () => closeAll([row.logs.invalidations, row.logs.values, stateFile, marksFile, dirty]),
    remove: async () => {
      await stateFile.write(() => formatState({ ...identity, retired: true, segments: nothing }), true)
      await closeAll([row.logs.invalidations, row.logs.values, stateFile, marksFile, dirty])
      for (const name of await files.list(folder)) if (isSegmentName(name)) await files.remove(`${folder}/${name}`)
      // Last of all: a slot without it is empty.
      await files.remove(`${folder}/dirty`)
      await files.remove(`${folder}/state`)
    },
  }
}

/** Both logs and who reads them, and what is known of the records in them. */
interface Row {
  readonly logs: Readonly<Record<LogKind, SegmentedLog>>
  readonly places: Readonly<Record<LogKind, SegmentPlace>>
  readonly readers: readonly DestinationReader[]
  readonly openReader: (name: string, marks?: DestinationMarks) => DestinationReader
  head: number
  newestStamp: bigint
  applied: number
}

const nothing = { invalidations: [], values: [] }
const listsOf = ({ invalidations, values }: Row['logs']): JournalState['segments'] => ({
  invalidations: invalidations.list(),
  values: values.list(),
})

interface RowOptions {
  readonly identity: { readonly id: string }
  readonly marks: JournalMarks
  readonly dirty: DirtyNamespaces
  readonly names: ReadonlySet<string>
  readonly saveState: () => Promise<void>
  readonly syncTimes: SyncTimes
}

function openRow(options: PartsOptions, { identity, marks, dirty, names, saveState, syncTimes }: RowOptions): Row {
  const { folder, files, limits, clock, log } = options
  let number = Math.max(0, ...[...names].filter(isSegmentName).map((name) => Number.parseInt(name, 10)))
  const places = {
    invalidations: { files, folder, kind: 'invalidations', journal: () => identity.id } as const,
    values: { files, folder, kind: 'values', journal: () => identity.id } as const,
  }
  const logOf = (kind: LogKind): SegmentedLog => {
    const limitBytes = kind === 'invalidations' ? limits.invalidationsBytes : limits.valuesBytes
    return new SegmentedLog({
      place: places[kind],
      segmentBytes: limits.segmentBytes ?? segmentBytesFor(limitBytes),
      limitBytes,
      tailBytes: tailBytes[kind],
      synced: kind === 'invalidations',
      nextNumber: () => ++number,
      saveList: saveState,
      syncTimes,
      now: () => clock.monotonic(),
      log,
    })
  }
  const logs = { invalidations: logOf('invalidations'), values: logOf('values') }
  const openReader = (name: string, of?: DestinationMarks): DestinationReader =>
    new DestinationReader({ name, logs, dirty, marks: of, clock })
  const { head, applied, stamp, destinations } = marks
  const readers = Object.entries(destinations).map(([name, of]) => openReader(name, of))
  return { logs, places, readers, openReader, head, applied, newestStamp: BigInt(stamp) }
}

/** A quarter of what the log may have, so that there is always something to give up or to compact. */
const segmentBytesFor = (limitBytes: number): number =>
  Math.max(leastSegmentBytes, Math.min(defaultSegmentBytes, Math.floor(limitBytes / 4)))

/** False: something is missing. */
async function recoverRow(row: Row, { segments }: JournalState): Promise<boolean> {
  const recovered: Segment[][] = []
  for (const kind of kinds) {
    const found = await recoverLog(row.places[kind], segments[kind], (bytes, at, atMs) => {
      const stamp = stampOf(bytes, at)
      if (stamp > row.newestStamp) row.newestStamp = stamp
      row.head = Math.max(row.head, seqOf(bytes, at))
      for (const reader of row.readers) reader.note(kind, bytes, at, atMs)
    })
    if (found === undefined) {
      for (const { file } of recovered.flat()) await file.close()
      return false
    }
    recovered.push(found)
  }
  for (const [index, kind] of kinds.entries()) row.logs[kind].restore(recovered[index] ?? [])
  return true
}

/** Files of an earlier life, or that were made and never used. */
async function removeUnlisted(
  { files, folder }: PartsOptions,
  names: Iterable<string>,
  logs: Row['logs'],
): Promise<void> {
  const listed = new Set(kinds.flatMap((kind) => logs[kind].segments.map(({ number }) => segmentName(number))))
  for (const name of names) if (isSegmentName(name) && !listed.has(name)) await files.remove(`${folder}/${name}`)
}

async function closeAll(all: readonly { close(): Promise<void> }[]): Promise<void> {
  for (const each of all) await each.close()
}
