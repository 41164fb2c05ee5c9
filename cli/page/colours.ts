/** The colours of the page, as its style has them now. */
export interface Colours {
  readonly ground: string;
  readonly line: string;
  readonly ink: string;
  readonly quiet: string;
  readonly accent: string;
  readonly soft: string;
  readonly bad: string;
}

export function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ...{ ground: colour("ground"), line: colour("line"), ink: colour("ink"), quiet: colour("quiet") },
    ...{ accent: colour("accent"), soft: colour("soft"), bad: colour("bad") },
  };
}
