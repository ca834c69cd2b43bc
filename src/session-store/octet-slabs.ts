/** Where some octets lie. */
export interface Block {
  readonly slab: Slab
  readonly slot: number
  readonly length: number
}

/**
 * Many small values outside V8's heap. As strings or buffers of their own they would make the heap as large as all of them
 * together, and each of the many small garbage collections a second walks over all pages of the heap.
 */
export interface OctetSlabs {
  keep(octets: Uint8Array): Block
  /** A copy: the place may be another's by the time it is looked at. */
  read(block: Block): Buffer
  /** Overwrites it, too. A block may be freed once. */
  free(block: Block): void
  /** Octets taken from the system, free places included. */
  takenBytes(): number
}

interface Slab {
  readonly octets: Buffer
  readonly slotBytes: number
  /** Slots that hold nothing. */
  readonly free: number[]
}

const SLAB_BYTES = 64 * 1024
const MOST_SLOTS = 32 // a few sessions should not take a slab of many
const LEAST_SLOT_BYTES = 512
const STEPS_PER_DOUBLING = 8 // an eighth is the most that rounding up can waste

/** Slabs of equal slots, for each size; one that is empty goes back to the system unless it is the last with room. */
export function createOctetSlabs(): OctetSlabs {
  const roomyBySize = new Map<number, Set<Slab>>()
  let takenBytes = 0

  function roomyOf(slotBytes: number): Set<Slab> {
    const known = roomyBySize.get(slotBytes)
    if (known !== undefined) return known
    const roomy = new Set<Slab>()
    roomyBySize.set(slotBytes, roomy)
    return roomy
  }

  function slabWithRoom(slotBytes: number): Slab {
    const roomy = roomyOf(slotBytes)
    for (const slab of roomy) return slab
    const slab = newSlab(slotBytes)
    takenBytes += slab.octets.length
    roomy.add(slab)
    return slab
  }

  return {
    takenBytes: () => takenBytes,
    keep(octets) {
      const slab = slabWithRoom(slotBytesFor(octets.length))
      const slot = slab.free.pop() as number
      if (slab.free.length === 0) roomyOf(slab.slotBytes).delete(slab)
      slab.octets.set(octets, slot * slab.slotBytes)
      return { slab, slot, length: octets.length }
    },
    read({ slab, slot, length }) {
      const start = slot * slab.slotBytes
      return Buffer.from(slab.octets.subarray(start, start + length))
    },
    free({ slab, slot, length }) {
      const start = slot * slab.slotBytes
      slab.octets.fill(0, start, start + length)
      slab.free.push(slot)
      const roomy = roomyOf(slab.slotBytes).add(slab)
      if (slab.free.length < slotsOf(slab.slotBytes) || roomy.size === 1) return
      roomy.delete(slab)
      takenBytes -= slab.octets.length
    },
  }
}

function newSlab(slotBytes: number): Slab {
  const slots = slotsOf(slotBytes)
  const octets = Buffer.allocUnsafeSlow(slots * slotBytes)
  return { octets, slotBytes, free: Array.from({ length: slots }, (_, slot) => slot) }
}

function slotsOf(slotBytes: number): number {
  return Math.min(MOST_SLOTS, Math.max(1, Math.floor(SLAB_BYTES / slotBytes)))
}

function slotBytesFor(length: number): number {
  if (length <= LEAST_SLOT_BYTES) return LEAST_SLOT_BYTES
  const powerBelow = 2 ** Math.floor(Math.log2(length - 1))
  const step = powerBelow / STEPS_PER_DOUBLING
  return Math.ceil(length / step) * step
}
