/** The blocks that a filter needs: each once, numbered in the order they were asked for. */
import { type Block, blockId } from "../../store/block.ts";

export class WantedBlocks {
  readonly blocks: Block[] = [];
  readonly #numbers = new Map<string, number>();

  /** The block's number. */
  add(block: Block): number {
    const id = blockId(block);
    const known = this.#numbers.get(id);
    if (known !== undefined) {
      return known;
    }
    this.#numbers.set(id, this.blocks.length);
    return this.blocks.push(block) - 1;
  }
}
