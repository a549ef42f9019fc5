/* Graphviz: who has whom in the routing table at a time.
 *
 * A shape says on which side of a partition a node is, its border and label how it is, an arrow's
 * style whether it leads anywhere: nothing is said by colour alone. */
#include "analysis/export_faults.h"
#include "analysis/export_internal.h"
#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/base/id.h"

#include <string.h>

#define SIDES_MAX 8       /* shapes; further sides begin anew */
#define CLUSTERED_MAX 150 /* nodes up to which sides are also drawn apart */
#define SIDES_KEPT 64     /* what is beyond is no side that a simulator tells of */
#define ID_SHOWN 4        /* bytes of an id in a label */
#define NOBODY UINT64_MAX /* no node has this id */

static const char *const side_shapes[SIDES_MAX] = {"box",     "diamond",  "hexagon",   "triangle",
                                                   "octagon", "invhouse", "trapezium", "house"};

/* Its key is (node, 0). */
struct node {
    bool is_up, is_shown, is_known; /* known: it was up once */
    bool is_joined;                 /* its DHT said so, or has somebody (docs/checks.md) */
    bool has_side;
    struct ana__key side_of; /* a fault's key */
    uint64_t side;
    uint64_t life;           /* of its DHT: contacts of another one are gone */
    const struct peer *self; /* its own id; NULL: none yet */
};

/* An id that was seen. Its key is the id's first 16 bytes. */
struct peer {
    uint64_t node; /* who has it, or NOBODY */
    bool is_shown;
    unsigned char id[WEFT_ID_SIZE];
};

/* `node` has `peer`. Its key is (node, address of the peer's entry). */
struct contact {
    struct peer *peer;
    uint64_t life;
    bool is_on;
};

struct overlay {
    struct ana_export *export;
    struct ana__file out;
    FILE *file;
    weft_time at;
    struct ana__table *nodes, *peers, *contacts, *faults;
    bool has_contacts; /* the trace has dht.contact */
    uint64_t shown;
    char scenario[64], seed[32];
};

/* --- as of then --- */

static struct ana__key id_key(const unsigned char *id) {
    struct ana__key key;
    memcpy(&key, id, sizeof key);
    return key;
}

static struct peer *peer_of(struct overlay *overlay, struct weft_bytes id) {
    struct peer *peer = ana__table_find(overlay->peers, id_key(id.data));
    if (peer != NULL) return peer;
    peer = ana__table_add(overlay->peers, id_key(id.data));
    if (peer == NULL) return NULL;
    peer->node = NOBODY;
    memcpy(peer->id, id.data, WEFT_ID_SIZE);
    return peer;
}

static int see_contact(struct overlay *overlay, struct node *node,
                       const struct weft_trace_event *event) {
    if (event->bytes.size != WEFT_ID_SIZE) return WEFT_OK;
    struct peer *peer = peer_of(overlay, event->bytes);
    if (peer == NULL) return WEFT_ERR_NOMEM;
    struct ana__key key = {event->node, (uint64_t)(uintptr_t)peer};
    struct contact *contact = ana__table_get(overlay->contacts, key);
    if (contact == NULL) return WEFT_ERR_NOMEM;
    *contact = (struct contact){peer, node->life, event->number[0] != 0};
    if (contact->is_on) node->is_joined = true;
    return WEFT_OK;
}

static int see_dht_up(struct overlay *overlay, struct node *node,
                      const struct weft_trace_event *event) {
    if (event->bytes.size != WEFT_ID_SIZE) return WEFT_OK;
    struct peer *peer = peer_of(overlay, event->bytes);
    if (peer == NULL) return WEFT_ERR_NOMEM;
    peer->node = event->node;
    node->self = peer;
    node->life++;
    return WEFT_OK;
}

static void see_down(struct node *node, bool is_node) {
    node->life++;
    node->is_joined = false;
    if (is_node) node->is_up = false;
}

static int see_node(struct overlay *overlay, const struct weft_trace_event *event) {
    struct node *node = ana__table_get(overlay->nodes, (struct ana__key){event->node, 0});
    if (node == NULL) return WEFT_ERR_NOMEM;
    switch ((unsigned)event->kind) {
    case WEFT_TRACE_NODE_UP:
        node->is_up = node->is_known = true;
        break;
    case WEFT_TRACE_NODE_DOWN:
        see_down(node, true);
        break;
    case WEFT_TRACE_DHT_UP:
        return see_dht_up(overlay, node, event);
    case WEFT_TRACE_DHT_DOWN:
        see_down(node, false);
        break;
    case WEFT_TRACE_DHT_JOINED:
        node->is_joined = true;
        break;
    case WEFT_TRACE_DHT_CONTACT:
        return see_contact(overlay, node, event);
    case WEFT_TRACE_FAULT_SIDE:
        node->has_side = event->number[2] < SIDES_KEPT;
        node->side_of = (struct ana__key){event->number[0], event->number[1]};
        node->side = event->number[2];
        break;
    default:
        break;
    }
    return WEFT_OK;
}

static const uint64_t kinds_seen =
    WEFT_TRACE_BIT(WEFT_TRACE_NODE_UP) | WEFT_TRACE_BIT(WEFT_TRACE_NODE_DOWN) |
    WEFT_TRACE_BIT(WEFT_TRACE_DHT_UP) | WEFT_TRACE_BIT(WEFT_TRACE_DHT_DOWN) |
    WEFT_TRACE_BIT(WEFT_TRACE_DHT_JOINED) | WEFT_TRACE_BIT(WEFT_TRACE_DHT_CONTACT) |
    WEFT_TRACE_BIT(WEFT_TRACE_FAULT_SIDE) | WEFT_TRACE_BIT(WEFT_TRACE_FAULT_ON) |
    WEFT_TRACE_BIT(WEFT_TRACE_FAULT_OFF);

static int on_event(void *ctx, const struct ana_trace_record *record, bool wanted) {
    struct overlay *overlay = ctx;
    const struct weft_trace_event *event = &record->event;
    (void)wanted;
    bool is_contact = event->kind == WEFT_TRACE_DHT_CONTACT;
    overlay->has_contacts = overlay->has_contacts || is_contact;
    if (event->at > overlay->at) return overlay->has_contacts ? ANA__ENOUGH : WEFT_OK;
    if (event->kind == WEFT_TRACE_FAULT_ON || event->kind == WEFT_TRACE_FAULT_OFF) {
        return ana__faults_see(overlay->faults, event);
    }
    return event->node != WEFT_TRACE_NODE_NONE ? see_node(overlay, event) : WEFT_OK;
}

static void on_head(void *ctx, const struct ana_trace_reader *reader) {
    struct overlay *overlay = ctx;
    ana__head_value(reader, "scenario", overlay->scenario, sizeof overlay->scenario);
    ana__head_value(reader, "seed", overlay->seed, sizeof overlay->seed);
}

/* --- who is shown --- */

static struct node *node_of(const struct overlay *overlay, uint64_t node) {
    return ana__table_find(overlay->nodes, (struct ana__key){node, 0});
}

static bool is_chosen(const struct overlay *overlay, uint64_t node) {
    const struct ana_filter *filter = overlay->export->filter;
    if (filter == NULL || filter->nodes_count == 0) return true;
    for (uint32_t i = 0; i < filter->nodes_count; i++) {
        if (filter->nodes[i] == node) return true;
    }
    return false;
}

static bool is_drawn(const struct overlay *overlay, const struct contact *contact) {
    uint64_t owner = ana__table_key(contact).a;
    const struct node *node = node_of(overlay, owner);
    WEFT_ASSERT(node != NULL);
    return contact->is_on && node->is_up && contact->life == node->life &&
           is_chosen(overlay, owner);
}

/* Those chosen, and their contacts. */
static void choose(struct overlay *overlay) {
    struct node *node = NULL;
    struct contact *contact = NULL;
    while ((node = ana__table_next(overlay->nodes, node)) != NULL) {
        node->is_shown = node->is_known && is_chosen(overlay, ana__table_key(node).a);
    }
    while ((contact = ana__table_next(overlay->contacts, contact)) != NULL) {
        if (!is_drawn(overlay, contact)) continue;
        if (contact->peer->node == NOBODY)
            contact->peer->is_shown = true;
        else
            node_of(overlay, contact->peer->node)->is_shown = true;
    }
    for (node = NULL; (node = ana__table_next(overlay->nodes, node)) != NULL;) {
        overlay->shown += node->is_shown;
    }
}

static bool is_on_side(const struct overlay *overlay, const struct node *node) {
    return node->has_side && ana__table_find(overlay->faults, node->side_of) != NULL;
}

static bool same_side(const struct overlay *overlay, const struct node *a, const struct node *b) {
    if (!is_on_side(overlay, a) || !is_on_side(overlay, b)) return true; /* not kept apart */
    return memcmp(&a->side_of, &b->side_of, sizeof a->side_of) != 0 || a->side == b->side;
}

/* --- the picture --- */

/* A string of dot: quotes and backslashes escaped (a backslash would begin an escape). */
static void put_text(FILE *file, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') putc('\\', file);
        putc(*text, file);
    }
}

static void put_node(struct overlay *overlay, const struct node *node) {
    unsigned long long number = ana__table_key(node).a;
    const char *shape = is_on_side(overlay, node) ? side_shapes[node->side % SIDES_MAX] : "ellipse";
    fprintf(overlay->file, "  n%llu [label=\"%llu%s\", shape=%s", number, number,
            node->is_up ? "" : "\\ndown", shape);
    if (!node->is_up)
        fputs(", style=\"filled,dotted\", fontcolor=\"#777777\", color=\"#777777\"", overlay->file);
    if (node->is_up && !node->is_joined) fputs(", style=\"filled,dashed\"", overlay->file);
    fputs("];\n", overlay->file);
}

static void put_side(struct overlay *overlay, const struct ana__fault *fault, uint64_t side) {
    bool clustered = overlay->shown <= CLUSTERED_MAX;
    struct ana__key key = ana__table_key(fault);
    const struct node *node = NULL;
    bool opened = false;
    while ((node = ana__table_next(overlay->nodes, node)) != NULL) {
        bool here = node->is_shown && is_on_side(overlay, node) && node->side == side &&
                    memcmp(&node->side_of, &key, sizeof key) == 0;
        if (here && clustered && !opened) {
            fprintf(overlay->file, "  subgraph cluster_%llu_%llu_%llu {\n  label=\"side %llu: ",
                    (unsigned long long)key.a, (unsigned long long)key.b, (unsigned long long)side,
                    (unsigned long long)side);
            put_text(overlay->file, fault->text);
            fputs("\";\n", overlay->file);
            opened = true;
        }
        if (here) put_node(overlay, node);
    }
    if (opened) fputs("  }\n", overlay->file);
}

static void put_nodes(struct overlay *overlay) {
    const struct ana__fault *fault = NULL;
    const struct node *node = NULL;
    const struct peer *peer = NULL;
    uint64_t sides = 0;
    while ((node = ana__table_next(overlay->nodes, node)) != NULL) {
        if (is_on_side(overlay, node) && node->side >= sides) sides = node->side + 1;
    }
    while ((fault = ana__table_next(overlay->faults, fault)) != NULL) {
        for (uint64_t side = 0; side < sides; side++) put_side(overlay, fault, side);
    }
    while ((node = ana__table_next(overlay->nodes, node)) != NULL) {
        if (node->is_shown && !is_on_side(overlay, node)) put_node(overlay, node);
    }
    while ((peer = ana__table_next(overlay->peers, peer)) != NULL) {
        if (!peer->is_shown) continue;
        fputs("  i", overlay->file);
        for (size_t i = 0; i < WEFT_ID_SIZE; i++) fprintf(overlay->file, "%02x", peer->id[i]);
        fputs(" [shape=plaintext, label=\"", overlay->file);
        for (size_t i = 0; i < ID_SHOWN; i++) fprintf(overlay->file, "%02x", peer->id[i]);
        fputs("\"];\n", overlay->file);
    }
}

static bool is_mutual(const struct overlay *overlay, const struct node *from, uint64_t to) {
    if (from->self == NULL) return false;
    struct ana__key key = {to, (uint64_t)(uintptr_t)from->self};
    const struct contact *back = ana__table_find(overlay->contacts, key);
    return back != NULL && is_drawn(overlay, back);
}

static void put_contact(struct overlay *overlay, const struct contact *contact) {
    uint64_t from = ana__table_key(contact).a, to = contact->peer->node;
    fprintf(overlay->file, "  n%llu -> ", (unsigned long long)from);
    if (to == NOBODY) {
        putc('i', overlay->file);
        for (size_t i = 0; i < WEFT_ID_SIZE; i++)
            fprintf(overlay->file, "%02x", contact->peer->id[i]);
        fputs(" [style=dotted];\n", overlay->file);
        return;
    }
    const struct node *owner = node_of(overlay, from), *other = node_of(overlay, to);
    bool is_stale = !other->is_up || other->self != contact->peer;
    fprintf(overlay->file, "n%llu", (unsigned long long)to);
    if (is_stale)
        fputs(" [style=dotted]", overlay->file);
    else if (!same_side(overlay, owner, other))
        fputs(is_mutual(overlay, owner, to) ? " [style=dashed, dir=both]" : " [style=dashed]",
              overlay->file);
    else if (is_mutual(overlay, owner, to))
        fputs(" [dir=both]", overlay->file);
    fputs(";\n", overlay->file);
}

/* Of two that have each other, one arrow with two heads: that of the lower number. */
static void put_contacts(struct overlay *overlay) {
    const struct contact *contact = NULL;
    while ((contact = ana__table_next(overlay->contacts, contact)) != NULL) {
        uint64_t from = ana__table_key(contact).a, to = contact->peer->node;
        if (!is_drawn(overlay, contact)) continue;
        const struct node *owner = node_of(overlay, from);
        bool told = to < from && node_of(overlay, to)->self == contact->peer &&
                    is_mutual(overlay, owner, to);
        if (!told) put_contact(overlay, contact);
    }
}

static void put_when(struct overlay *overlay) {
    fputs(": who is in whose routing table at ", overlay->file);
    if (overlay->at == WEFT_TIME_NEVER) {
        fputs("the end\\l", overlay->file);
    } else {
        fprintf(overlay->file, "%lld.%03lld s\\l", (long long)(overlay->at / WEFT_S(1)),
                (long long)(overlay->at % WEFT_S(1) / WEFT_MS(1)));
    }
}

static void put_graph(struct overlay *overlay) {
    bool is_large = overlay->shown > CLUSTERED_MAX;
    FILE *file = overlay->file;
    fputs("digraph overlay {\n", file);
    fprintf(file, "  graph [layout=%s, overlap=false, splines=line, outputorder=edgesfirst,\n",
            is_large ? "sfdp" : "fdp");
    fputs("         fontname=\"Helvetica\", fontsize=10, labelloc=b, labeljust=l, label=\"", file);
    put_text(file, overlay->scenario);
    fputs(", seed ", file);
    put_text(file, overlay->seed);
    put_when(overlay);

    fputs("border: solid joined, dashed not joined, dotted down; "
          "shape: side of a partition, ellipse none\\l"
          "arrow: solid, dashed to another side, dotted to a node that is down or has "
          "another id now\\l\"];\n",
          file);
    fputs("  node [fontname=\"Helvetica\", fontsize=10, margin=\"0.05,0.03\", width=0.4, "
          "height=0.3, style=filled, fillcolor=white];\n"
          "  edge [color=\"#00000066\", arrowsize=0.5];\n",
          file);
    put_nodes(overlay);
    put_contacts(overlay);
    fputs("}\n", file);
}

static int draw(struct overlay *overlay) {
    struct ana_export *export = overlay->export;
    const struct ana__visitor visitor = {
        .ctx = overlay, .head = on_head, .event = on_event, .kinds = kinds_seen};
    int rv = ana__pass(export, &visitor);
    if (rv != WEFT_OK) return rv;
    if (!overlay->has_contacts) {
        return ana__fail(export, WEFT_ERR_MALFORMED,
                         "%s: it holds no dht.contact, so nobody knows who has whom",
                         export->trace);
    }
    rv = ana__file_open(&overlay->out, export);
    if (rv != WEFT_OK) return rv;
    overlay->file = overlay->out.file;
    choose(overlay);
    put_graph(overlay);
    return ana__file_close(&overlay->out, export, WEFT_OK);
}

int ana_export_dot(struct ana_export *export, weft_time at) {
    struct overlay overlay = {.export = export,
                              .at = at,
                              .nodes = ana__table_new(sizeof(struct node)),
                              .peers = ana__table_new(sizeof(struct peer)),
                              .contacts = ana__table_new(sizeof(struct contact)),
                              .faults = ana__faults_new()};
    int rv = WEFT_ERR_NOMEM;
    if (overlay.nodes != NULL && overlay.peers != NULL && overlay.contacts != NULL &&
        overlay.faults != NULL) {
        rv = draw(&overlay);
    } else {
        ana__fail(export, rv, "out of memory");
    }
    ana__table_free(overlay.nodes);
    ana__table_free(overlay.peers);
    ana__table_free(overlay.contacts);
    ana__table_free(overlay.faults);
    return rv;
}
