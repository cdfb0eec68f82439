// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/verifier.h"

#include "libfiona/anonymize/attributes.h"
#include "libfiona/anonymize/rules.h"
#include "libfiona/anonymize/text_encoding.h"
#include "libfiona/anonymize/value_shape.h"
#include "libfiona/anonymize/vocabulary.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::anonymize {

namespace {

/// The bytes of one value, in the order of the file.
struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;
    Tag tag;
    Vr vr;
    std::size_t parent = no_parent; ///< index of the span of the sequence around it
    bool is_proven = false;         ///< a UID or date that was looked up: not searched again

    static constexpr std::size_t no_parent = static_cast<std::size_t>(-1);
};

class Verification {
public:
    Verification(const Written& file, const Plan& plan) : m_file{file}, m_plan{plan} {}

    std::vector<Finding> run()
    {
        const auto parsed =
            read_data_set(m_file.bytes.substr(m_file.data_set_offset), m_file.encoding);
        const Charset ascii{declared_charset(parsed.root, "")};
        check_item(parsed.root, ascii, Span::no_parent);
        check_required(parsed.root);
        const auto preamble = m_file.bytes.substr(0, 128);
        if (preamble.find_first_not_of('\0') != std::string_view::npos) {
            report("file", "a preamble that is not empty", false);
        }
        // UIDs of the meta header are those of the data set, which were checked there.
        search_bytes(Reading::latin1);
        if (!is_ascii(m_file.bytes)) {
            search_bytes(Reading::utf8);
        }
        search_wide_letters();
        return std::move(m_findings);
    }

private:
    void report(std::string path, std::string what, bool can_be_blanked)
    {
        for (const auto& known : m_findings) {
            if (known.path == path && known.what == what) {
                return;
            }
        }
        m_findings.push_back({std::move(path), std::move(what), can_be_blanked});
    }

    [[nodiscard]] std::string path_of(std::size_t index) const
    {
        std::string path;
        for (; index != Span::no_parent; index = m_spans[index].parent) {
            const auto& span = m_spans[index];
            path.insert(0, fmt::format("{:04X},{:04X}{}", span.tag.group, span.tag.element,
                                       path.empty() ? "" : ">"));
        }
        return path;
    }

    std::size_t add_span(const Element& element, std::size_t parent)
    {
        Span span;
        span.tag = element.tag;
        span.vr = element.vr;
        span.parent = parent;
        if (!element.is_sequence && !element.stored.empty()) {
            span.begin = static_cast<std::size_t>(element.stored.data() - m_file.bytes.data());
            span.end = span.begin + element.stored.size();
        }
        m_spans.push_back(span);
        return m_spans.size() - 1;
    }

    void check_item(const Item& item, const Charset& around, std::size_t parent)
    {
        std::optional<Charset> own;
        if (const auto declared = declared_charset(item, ""); !declared.empty()) {
            own.emplace(declared);
        }
        const auto& charset = own ? *own : around;
        const PrivateBlocks blocks{item};
        for (const auto& element : item.elements) {
            const auto index = add_span(element, parent);
            check_presence(item, element, blocks, index);
            if (element.is_sequence) {
                for (const auto& nested : element.items) {
                    check_item(nested, charset, index);
                }
            } else {
                check_value(element, charset, index);
            }
        }
    }

    /// Whether an element may be there at all.
    void check_presence(const Item& item, const Element& element, const PrivateBlocks& blocks,
                        std::size_t index)
    {
        const auto tag = element.tag;
        if (PrivateBlocks::is_creator(tag)) {
            const bool used = std::ranges::any_of(item.elements, [&](const Element& other) {
                const auto key = blocks.key(other.tag);
                return other.tag.group == tag.group && other.tag.element >> 8U == tag.element && key
                       && m_plan.profile.find_private(*key) != nullptr;
            });
            if (!used) {
                report(path_of(index), "a private block without allowed elements", false);
            }
            return;
        }
        if (is_private(tag)) {
            const auto key = blocks.key(tag);
            if (!key || m_plan.profile.find_private(*key) == nullptr) {
                report(path_of(index), "a private element that is not allowed", false);
            }
            return;
        }
        const auto* const row = m_plan.profile.find(tag);
        const bool forbidden =
            row != nullptr
            && (row->rule.action == Action::remove || row->rule.action == Action::ctp)
            // Without a value it tells nothing, and some modules cannot do without it.
            && !(trimmed(element.stored).empty() && element.items.empty());
        const bool unknown = row == nullptr && Attributes::standard().find(tag) == nullptr;
        const bool is_false_table =
            tells_of_fragments(tag)
            && (m_file.tables != OffsetTables::sound || m_spans[index].parent != Span::no_parent
                || !is_offset_table(tag));
        if (forbidden || unknown || is_false_table || tag.group < 0x0008 || tag.element == 0
            || element.is_encapsulated) {
            report(path_of(index), "an element that must not be there", false);
        }
        if (row != nullptr && row->rule.action == Action::empty
            && !(trimmed(element.stored).empty() && element.items.empty())) {
            report(path_of(index), "a value that must be empty", true);
        }
    }

    void check_value(const Element& element, const Charset& charset, std::size_t index)
    {
        const auto* const row =
            is_private(element.tag) ? nullptr : m_plan.profile.find(element.tag);
        const auto action = row == nullptr ? Action::recurse : row->rule.action;
        const auto vr = effective_vr(element);
        if (vr == Vr{"PN"}) {
            check_name(element, charset, row, index);
        } else if (vr == Vr{"DA"} || vr == Vr{"DT"}) {
            check_dates(element, action, index);
        } else if (vr == Vr{"UI"}) {
            check_uids(element, action, index);
        } else if (vr == Vr{"CS"}) {
            m_spans[index].is_proven = are_defined_terms(trimmed(element.stored));
        }
        const bool needs_decoding =
            is_encoded_text(element.vr)
            && (!is_ascii(element.stored) || element.stored.find('\x1b') != std::string_view::npos);
        if (needs_decoding) {
            const auto text = charset.decode(trimmed(element.stored), element.vr);
            for (const auto& hit : m_plan.identity.find(fold(text.utf8))) {
                if (hit.is_certain) {
                    report(path_of(index), std::string{name_of(hit.kind)}, true);
                }
            }
        }
    }

    void check_name(const Element& element, const Charset& charset, const ProfileRow* row,
                    std::size_t index)
    {
        const auto name = charset.decode(trimmed(element.stored), element.vr).utf8;
        const auto& settings = m_plan.settings;
        const bool chosen = row != nullptr
                            && (row->rule.action == Action::constant
                                || row->rule.action == Action::project || !row->rule.regex.empty());
        // What we write fits the representation of the file, which may be a shorter one than PN.
        const auto is_ours = [&](std::string_view text) {
            return name == trimmed(within_limit(element.vr, text));
        };
        const bool known = name.empty() || is_ours(dummy_text)
                           || is_ours(settings.participant.str()) || is_ours(m_plan.event_text());
        if (!known && !chosen) {
            report(path_of(index), "a name of a person", true);
        }
    }

    void check_dates(const Element& element, Action action, std::size_t index)
    {
        if (action == Action::keep || action == Action::constant) {
            return; // somebody's explicit wish; the bytes are still searched
        }
        bool all_moved = true;
        const auto value = trimmed(element.stored);
        for (const auto part : split(value, '\\')) {
            for (const auto piece : split(part, '-')) {
                const auto day = day_of(piece);
                if (!day) {
                    continue;
                }
                const auto text = format_da(*day);
                if (m_plan.original_dates.contains(text) && !m_plan.shifted_dates.contains(text)) {
                    all_moved = false;
                }
            }
        }
        if (!all_moved) {
            report(path_of(index), "an original date", true);
        }
        m_spans[index].is_proven = all_moved;
    }

    void check_uids(const Element& element, Action action, std::size_t index)
    {
        const auto value = trimmed(element.stored);
        // No instance has a UID of the standard; and whatever a profile wishes, none keeps its own.
        const bool names_instance = is_instance_place({element.tag.group, element.tag.element});
        const auto is_fine = [&](std::string_view uid) {
            return uid.empty() || (is_standard_uid(uid) && !names_instance)
                   || m_plan.uids.is_new(uid);
        };
        bool fine = is_fine(value);
        bool all_known = fine;
        if (!fine) {
            const auto parts = split(value, '\\');
            const bool names_class =
                !names_instance && (action == Action::keep || action == Action::recurse);
            all_known = std::ranges::all_of(
                parts, [&](std::string_view uid) { return is_fine(trimmed(uid)); });
            fine = std::ranges::all_of(parts, [&](std::string_view uid) {
                const bool kept = names_class && is_uid(trimmed(uid))
                                  && !m_plan.identity.is_original_uid(trimmed(uid));
                return is_fine(trimmed(uid)) || kept;
            });
        }
        if (!fine) {
            report(path_of(index), "an original UID", true);
        }
        m_spans[index].is_proven = all_known; // a foreign class may hold a date: searched again
    }

    void check_required(const Item& root)
    {
        const auto text = [&](Tag tag) {
            const auto* const found = root.find(tag);
            return found == nullptr ? std::string_view{} : trimmed(found->stored);
        };
        const auto require = [&](Tag tag, bool good) {
            const auto* const row = m_plan.profile.find(tag);
            if (!good && row != nullptr && row->rule.create) {
                report(fmt::format("{:04X},{:04X}", tag.group, tag.element),
                       "lacks what was to be written", false);
            }
        };
        require({0x0012, 0x0062}, text({0x0012, 0x0062}) == "YES" || !is_default({0x0012, 0x0062}));
        require({0x0012, 0x0063}, !text({0x0012, 0x0063}).empty());
        const auto* const codes = root.find({0x0012, 0x0064});
        require({0x0012, 0x0064}, codes != nullptr && !codes->items.empty());
        require({0x0028, 0x0303}, !text({0x0028, 0x0303}).empty());
        const auto participant = std::string_view{m_plan.settings.participant.str()};
        require({0x0010, 0x0020},
                text({0x0010, 0x0020}) == participant || !is_default({0x0010, 0x0020}));
    }

    /// Whether the rule is the profile's own and not somebody's constant.
    [[nodiscard]] bool is_default(Tag tag) const
    {
        const auto* const row = m_plan.profile.find(tag);
        return row != nullptr && row->rule.regex.empty()
               && (row->rule.action == Action::subject
                   || (row->rule.action == Action::constant && row->rule.constant == "YES"));
    }

    [[nodiscard]] std::size_t span_at(std::size_t offset) const
    {
        // Spans are in the order of the file; those of sequences are empty and lie at 0.
        std::size_t found = Span::no_parent;
        const auto& order = m_order;
        const auto at = std::ranges::upper_bound(order, offset, {},
                                                 [&](std::size_t i) { return m_spans[i].begin; });
        if (at != order.begin() && m_spans[*(at - 1)].end > offset) {
            found = *(at - 1);
        }
        return found;
    }

    [[nodiscard]] static bool is_binary(Vr vr) { return !is_string(vr); }

    [[nodiscard]] bool is_ignored(const IdentityHit& hit, std::size_t index,
                                  std::string_view word) const
    {
        if (!hit.is_certain || index == Span::no_parent) {
            return !hit.is_certain || hit.touches_digits; // long numbers: our own UIDs
        }
        const auto& span = m_spans[index];
        // Numbers and samples spell short words, short numbers and foreign letters by chance.
        const bool is_number = span.vr == Vr{"IS"} || span.vr == Vr{"DS"} || span.vr == Vr{"TM"};
        const bool by_chance = (is_number || is_binary(span.vr))
                               && (hit.touches_digits
                                   || word.size() < (hit.is_digits ? 8U
                                                     : is_number   ? 6U
                                                                   : 5U)
                                   || (is_binary(span.vr) && !is_ascii(word)));
        return span.is_proven || by_chance;
    }

    /// The file with its tags, representations and lengths blotted out: a "2" of the group of the next
    /// element would hide the end of a number, and a "T" the end of a short name.
    [[nodiscard]] std::string values_only() const
    {
        constexpr char blot = '|'; // neither letter nor digit nor blank
        std::string bytes{m_file.bytes};
        auto at = static_cast<std::size_t>(m_file.data_set_offset);
        const auto blot_until = [&](std::size_t end) {
            std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                      bytes.begin() + static_cast<std::ptrdiff_t>(end), blot);
        };
        for (const auto index : m_order) {
            blot_until(m_spans[index].begin);
            at = m_spans[index].end;
        }
        blot_until(bytes.size());
        return bytes;
    }

    void search_bytes(Reading reading)
    {
        m_order.clear();
        for (std::size_t i = 0; i < m_spans.size(); ++i) {
            if (m_spans[i].end > m_spans[i].begin) {
                m_order.push_back(i);
            }
        }
        const auto bytes = values_only();
        const auto folded = fold(bytes, reading);
        for (const auto& hit : m_plan.identity.find(folded)) {
            const auto offset = folded.origin[hit.range.begin];
            const auto index = span_at(offset);
            const auto word = std::string_view{folded.text}.substr(hit.range.begin,
                                                                   hit.range.end - hit.range.begin);
            if (!is_ignored(hit, index, word)) {
                report_at(offset, index, name_of(hit.kind));
            }
        }
        for (const auto& range : m_plan.identity.find_uids(folded.text)) {
            const auto offset = folded.origin[range.begin];
            const auto index = span_at(offset);
            if (index == Span::no_parent || !m_spans[index].is_proven) {
                report_at(offset, index, "an original UID");
            }
        }
    }

    /// UTF-16 in what is no text by its representation: a colour profile names itself so.
    void search_wide_letters()
    {
        for (const auto index : m_order) {
            const auto& span = m_spans[index];
            if (!is_binary(span.vr)) {
                continue;
            }
            const auto letters = narrowed(m_file.bytes.substr(span.begin, span.end - span.begin));
            const auto folded = fold(letters, Reading::latin1);
            for (const auto& hit : m_plan.identity.find(folded)) {
                const auto word = std::string_view{folded.text}.substr(
                    hit.range.begin, hit.range.end - hit.range.begin);
                if (!is_ignored(hit, index, word)) {
                    report(path_of(index), std::string{name_of(hit.kind)}, true);
                }
            }
            if (!m_plan.identity.find_uids(folded.text).empty()) {
                report(path_of(index), "an original UID", true);
            }
        }
    }

    void report_at(std::size_t offset, std::size_t index, std::string_view what)
    {
        const bool inside = index != Span::no_parent;
        report(inside                            ? path_of(index)
               : offset < m_file.data_set_offset ? std::string{"meta header"}
                                                 : std::string{"file"},
               std::string{what}, inside);
    }

    const Written& m_file;
    const Plan& m_plan;
    std::vector<Span> m_spans;
    std::vector<std::size_t> m_order; ///< spans with bytes, ascending
    std::vector<Finding> m_findings;
};

} // namespace

std::vector<Finding> verify(const Written& file, const Plan& plan)
{
    return Verification{file, plan}.run();
}

} // namespace fiona::anonymize
