/**
 * JSON as a tree that can say what JSON.stringify cannot: a key twice, a number beyond doubles, a
 * lone surrogate. Trees are changed in place; whoever mutates one has it to itself.
 */
export type Tree = null | boolean | number | string | Raw | Tree[] | Members;

/** Stands in the text as it is. */
export class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export class Members {
  entries: [key: string, value: Tree][];

  constructor(entries: [string, Tree][]) {
    this.entries = entries;
  }
}

export function treeOf(value: unknown): Tree {
  if (Array.isArray(value)) return value.map(treeOf);
  if (value instanceof Raw || value instanceof Members) return value;
  if (typeof value === "object" && value !== null) {
    return new Members(Object.entries(value).map(([key, part]) => [key, treeOf(part)]));
  }
  return value as Tree;
}

export function printTree(tree: Tree): string {
  if (tree instanceof Raw) return tree.text;
  if (Array.isArray(tree)) return `[${tree.map(printTree).join(",")}]`;
  if (tree instanceof Members) {
    const members = tree.entries.map(
      ([key, value]) => `${JSON.stringify(key)}:${printTree(value)}`,
    );
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(tree);
}

/** A place in a tree: what is there can be read and replaced. */
export interface Place {
  readonly value: Tree;
  replace(value: Tree): void;
}

/** Every place, the root first; of long lists only the first few. */
export function placesOf(root: { tree: Tree }): readonly Place[] {
  const places: Place[] = [];
  const visit = (value: Tree, replace: (value: Tree) => void): void => {
    places.push({ value, replace });
    if (Array.isArray(value)) {
      value.slice(0, 6).forEach((part, i) => {
        visit(part, (other) => {
          value[i] = other;
        });
      });
    } else if (value instanceof Members) {
      for (const entry of value.entries) {
        visit(entry[1], (other) => {
          entry[1] = other;
        });
      }
    }
  };
  visit(root.tree, (other) => {
    root.tree = other;
  });
  return places;
}
