// What a screen reader gets: the accessibility tree of Chromium, as roles, names and states.

const LANDMARKS = ["banner", "main", "navigation", "region", "complementary", "contentinfo"];
const CONTROLS = [
  "button",
  "checkbox",
  "combobox",
  "DisclosureTriangle",
  "link",
  "listbox",
  "radio",
  "searchbox",
  "slider",
  "spinbutton",
  "switch",
  "tab",
  "textbox",
];

class Node {
  constructor(raw) {
    this.id = raw.nodeId;
    this.childIds = raw.childIds ?? [];
    this.isIgnored = raw.ignored;
    this.role = raw.role?.value ?? "";
    this.name = raw.name?.value ?? "";
    this.description = raw.description?.value ?? "";
    this.element = raw.backendDOMNodeId;
    this.properties = new Map((raw.properties ?? []).map(({ name, value }) => [name, value.value]));
    this.children = [];
    this.parent = null;
  }

  // This node and all below it, in the order of reading.
  *all() {
    if (!this.isIgnored) yield this;
    for (const child of this.children) yield* child.all();
  }

  find(...roles) {
    return [...this.all()].filter(({ role }) => roles.includes(role));
  }

  // As it is read.
  get text() {
    return this.find("StaticText")
      .map(({ name }) => name)
      .join(" ")
      .replaceAll(/\s+/g, " ")
      .trim();
  }
}

export class AccessibilityTree {
  static async of(page) {
    const session = await page.context().newCDPSession(page);
    try {
      const { nodes } = await session.send("Accessibility.getFullAXTree");
      const byId = new Map(nodes.map((raw) => [raw.nodeId, new Node(raw)]));
      for (const node of byId.values()) {
        node.children = node.childIds.map((id) => byId.get(id)).filter(Boolean);
        for (const child of node.children) child.parent = node;
      }
      const tree = new AccessibilityTree();
      tree.root = byId.get(nodes[0].nodeId);
      return tree;
    } finally {
      await session.detach();
    }
  }

  get landmarks() {
    return this.root.find(...LANDMARKS);
  }

  // [level, name] of each heading.
  get headings() {
    return this.root.find("heading").map(({ properties, name }) => [properties.get("level"), name]);
  }

  // Everything that can be operated.
  get controls() {
    return this.root.find(...CONTROLS);
  }

  // Everything that can have the focus, whatever its role.
  get focusable() {
    return [...this.root.all()].filter(
      ({ properties, role }) => properties.get("focusable") && role !== "RootWebArea",
    );
  }

  get tables() {
    return this.root.find("table", "grid", "treegrid");
  }

  // The outermost live regions: what changes in them is announced.
  get liveRegions() {
    const regions = [];
    const visit = (node) => {
      const live = !node.isIgnored && node.properties.get("live");
      if (live && live !== "off") regions.push({ live, element: node.element, text: node.text });
      else node.children.forEach(visit);
    };
    visit(this.root);
    return regions;
  }
}
