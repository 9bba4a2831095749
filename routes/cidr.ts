/** A network of clients: addresses from `first` to `last`, as numbers. IPv4 in its IPv6 dress is IPv4. */
export interface Cidr {
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
}

export type ReadCidr =
  | { readonly ok: true; readonly cidr: Cidr }
  /** `network`: the same with the bits behind the prefix taken off, where only those are wrong. */
  | { readonly ok: false; readonly network?: string }

/** Reads `10.0.0.0/8`, `2001:db8::/32`, or one address. A prefix with more bits than it says is refused: which is meant? */
export function readCidr(text: string): ReadCidr {
  const [address = '', prefix, ...rest] = text.split('/')
  const read = readAddress(address)
  if (read === undefined || rest.length > 0) return { ok: false }
  const width = read.family === 4 ? 32 : 128
  if (prefix !== undefined && !/^(?:0|[1-9][0-9]{0,2})$/.test(prefix)) return { ok: false }
  const bits = prefix === undefined ? width : Number(prefix)
  if (bits > width) return { ok: false }
  const size = 1n << BigInt(width - bits)
  const first = read.value - (read.value % size)
  if (first !== read.value) return { ok: false, network: `${printAddress(read.family, first)}/${bits}` }
  return { ok: true, cidr: plain({ family: read.family, first, last: first + size - 1n }) }
}

/** Whether every address of `inner` is one of `outer`. */
export function covers(outer: Cidr, inner: Cidr): boolean {
  return outer.family === inner.family && outer.first <= inner.first && outer.last >= inner.last
}

const mapped = 0xffffn << 32n

function plain(cidr: Cidr): Cidr {
  if (cidr.family === 4 || cidr.first < mapped || cidr.last > mapped + 0xffff_ffffn) return cidr
  return { family: 4, first: cidr.first - mapped, last: cidr.last - mapped }
}

function readAddress(text: string): { family: 4 | 6; value: bigint } | undefined {
  if (!text.includes(':')) {
    const value = readIPv4(text)
    return value === undefined ? undefined : { family: 4, value }
  }
  const value = readIPv6(text)
  return value === undefined ? undefined : { family: 6, value }
}

function readIPv4(text: string): bigint | undefined {
  const parts = text.split('.')
  // A leading zero is octal to some readers: two would see two addresses.
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined
  }
  return parts.reduce((value, part) => value * 256n + BigInt(part), 0n)
}

/** RFC 4291 section 2.2: eight groups, one run of zeros as `::`, the last two perhaps as an IPv4 address. */
function readIPv6(text: string): bigint | undefined {
  const dotted = /^(.*:)([0-9.]*\.[0-9.]*)$/.exec(text)
  if (dotted !== null) {
    const low = readIPv4(dotted[2] as string)
    if (low === undefined) return undefined
    return readIPv6(`${dotted[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`)
  }
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [front = [], back = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const missing = 8 - front.length - back.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...front, ...Array.from({ length: missing }, () => '0'), ...back]
  if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return undefined
  return groups.reduce((value, group) => value * 65_536n + BigInt(`0x${group}`), 0n)
}

function printAddress(family: 4 | 6, value: bigint): string {
  const [count, width] = family === 4 ? ([4, 8n] as const) : ([8, 16n] as const)
  const groups = Array.from(
    { length: count },
    (_, at) => (value >> (BigInt(count - 1 - at) * width)) & ((1n << width) - 1n),
  )
  if (family === 4) return groups.join('.')
  const text = groups.map((group) => group.toString(16)).join(':')
  return text.replace(/(?:^|:)0(?::0)+(?::|$)/, '::')
}
