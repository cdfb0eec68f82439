// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/rewriter.h"

#include "libfiona/anonymize/coded_entries.h"
#include "libfiona/anonymize/rewriter_context.h"
#include "libfiona/anonymize/text_encoding.h"
#include "libfiona/anonymize/value_shape.h"
#include "libfiona/anonymize/vocabulary.h"
#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::anonymize {

namespace {

std::string short_tag(Tag tag)
{
    return fmt::format("{:04X},{:04X}", tag.group, tag.element);
}

std::size_t count_values(const Element& element)
{
    if (element.is_sequence) {
        return element.items.size();
    }
    if (element.stored.empty() || is_single_valued(element.vr) || !is_string(element.vr)) {
        return element.stored.empty() ? 0 : 1;
    }
    return static_cast<std::size_t>(std::ranges::count(element.stored, '\\')) + 1;
}

void sort_elements(Item& item)
{
    // PS3.5 §7.1: ascending, each tag once. What comes twice keeps its first value.
    std::ranges::stable_sort(item.elements, {}, &Element::tag);
    const auto rest =
        std::unique(item.elements.begin(), item.elements.end(),
                    [](const Element& a, const Element& b) { return a.tag == b.tag; });
    item.elements.erase(rest, item.elements.end());
}

} // namespace

void Rewriter::note(const Element& element, const Decision& decision, const Context& context)
{
    ++m_result.actions.at(static_cast<std::size_t>(decision.rule.action));
    if (m_watch) {
        m_watch({context.path + short_tag(element.tag), std::string{element.vr.text()},
                 count_values(element), element.stored.size(), decision.rule.action,
                 decision.reason});
    }
}

Rewritten Rewriter::rewrite(Item& root)
{
    m_result = {};
    const auto original = [&](Tag tag) {
        const auto* const found = root.find(tag);
        return found == nullptr ? std::string{} : std::string{trimmed(found->stored)};
    };
    m_study = original({0x0020, 0x000d});
    const Charset charset{declared_charset(root, "")};
    Scope top;
    top.tables = m_tables;
    const Context context{top, charset, {}, root.find({0x0040, 0xa730}) != nullptr};
    rewrite_item(root, context);
    create_missing(root, context);
    const auto value = [&](Tag tag) {
        const auto* const found = root.find(tag);
        return found == nullptr ? std::string{} : std::string{trimmed(found->value())};
    };
    m_result.sop_class = value({0x0008, 0x0016});
    m_result.new_sop = value({0x0008, 0x0018});
    m_result.new_study = value({0x0020, 0x000d});
    m_result.new_series = value({0x0020, 0x000e});
    m_result.modality = value({0x0008, 0x0060});
    encode_texts(root, m_lies ? Declared::lying : Declared::truthful);
    return m_result;
}

void Rewriter::rewrite_item(Item& item, const Context& context)
{
    sort_elements(item);
    const PrivateBlocks blocks{item};
    std::set<Tag> used_blocks;
    std::vector<Element> kept;
    kept.reserve(item.elements.size());
    const bool study_reference =
        item.find({0x0008, 0x1150}) != nullptr
        && trimmed(item.find({0x0008, 0x1150})->stored).starts_with("1.2.840.10008.3.1.2.3.");
    for (auto& element : item.elements) {
        if (PrivateBlocks::is_creator(element.tag)) {
            kept.push_back(std::move(element)); // judged below, when it is known who needs it
            continue;
        }
        adopt_known_vr(element);
        auto decision = decide(m_plan.profile, blocks, element, context.scope);
        decision.is_typed = decision.is_typed || is_typed_code(item, element);
        note(element, decision, context);
        if (m_blanked.contains(context.path + short_tag(element.tag))
            && element.tag.group != 0x0012) {
            element.set("");
            element.items.clear();
            kept.push_back(std::move(element));
            continue;
        }
        if (study_reference && element.tag == Tag{0x0008, 0x1155}
            && decision.rule.action == Action::uid) {
            element.set(m_plan.uids.map(element.stored, UidForm::study));
            kept.push_back(std::move(element));
            continue;
        }
        if (rewrite_element(element, decision, context)) {
            if (is_private(element.tag)) {
                m_has_private = true;
                used_blocks.insert(
                    {element.tag.group, static_cast<std::uint16_t>(element.tag.element >> 8U)});
            }
            kept.push_back(std::move(element));
        }
    }
    std::erase_if(kept, [&](const Element& element) {
        return PrivateBlocks::is_creator(element.tag) && !used_blocks.contains(element.tag);
    });
    item.elements = std::move(kept);
    keep_required(item, context);
}

/// What the file calls UN, or implicit VR does not tell, has the representation of the dictionary, else of
/// the profile, which knows newer attributes: as unknown bytes their texts would pass.
void Rewriter::adopt_known_vr(Element& element) const
{
    if (element.is_sequence || is_private(element.tag) || element.vr != Vr{"UN"}) {
        return;
    }
    auto known = effective_vr(element);
    if (const auto* const row = m_plan.profile.find(element.tag);
        known == Vr{"UN"} && row != nullptr) {
        known = row->vr;
    }
    if (known != Vr{"SQ"}) {
        element.vr = known;
    } else if (auto items = read_unknown_sequence(element.stored)) {
        element.is_sequence = true;
        element.vr = "SQ";
        element.items = std::move(*items);
    }
}

bool Rewriter::rewrite_element(Element& element, const Decision& decision, const Context& context)
{
    const auto family = element.tag.group & 0xff00U;
    m_has_graphics = m_has_graphics || family == 0x6000 || family == 0x5000
                     || decision.rule.action == Action::graphics;
    // A sequence that the file hides in VR UN is looked into like any other, or goes.
    if (!element.is_sequence && element.vr == Vr{"UN"} && effective_vr(element) == Vr{"SQ"}
        && decision.rule.action != Action::remove && decision.rule.action != Action::empty) {
        auto items = read_unknown_sequence(element.stored);
        if (!items && !element.stored.empty()) {
            return false;
        }
        element.is_sequence = true;
        element.vr = "SQ";
        element.items = items ? std::move(*items) : std::vector<Item>{};
    }
    // Of an animal, those who answer for it are type 2C (PS3.3 C.7.1.1): empty instead of gone.
    if (decision.rule.action == Action::remove
        && (element.tag == Tag{0x0010, 0x2297} || element.tag == Tag{0x0010, 0x2299})) {
        element.set("");
        return !element.is_sequence;
    }
    if (decision.rule.action == Action::remove || decision.rule.action == Action::ctp
        || decision.rule.action == Action::by_private_list
        || decision.rule.action == Action::codes) { // made anew by create_missing()
        return false;
    }
    if (element.is_sequence) {
        return rewrite_sequence(element, decision.rule, context);
    }
    // It was looked into before (documents.h); with other settings its object is refused.
    if (element.tag == Tag{0x0042, 0x0011} && context.scope.depth == 0
        && m_plan.settings.documents == Documents::if_clean) {
        return true;
    }
    if (!rewrite_value(element, decision, context)) {
        return false;
    }
    if (!decision.rule.regex.empty()) {
        apply_regex(element, decision.rule.regex, context);
    }
    return true;
}

bool Rewriter::rewrite_sequence(Element& element, const Rule& rule, const Context& context)
{
    if (rule.action == Action::empty) {
        element.items.clear();
        return true;
    }
    // An element that should be a plain value and is a sequence has no rule that fits.
    const bool may_recurse = rule.action == Action::keep || rule.action == Action::recurse
                             || rule.action == Action::structured || rule.action == Action::graphics
                             || rule.action == Action::clean_sequence
                             || rule.action == Action::dummy;
    if (!may_recurse) {
        return false;
    }
    const bool is_content = context.is_content || rule.action == Action::structured;
    m_has_content = m_has_content || rule.action == Action::structured;
    if (is_content) {
        std::erase_if(element.items, is_identifying_content);
    }
    for (auto& item : element.items) {
        const auto declared = declared_charset(item, "");
        std::optional<Charset> own;
        if (!declared.empty()) {
            own.emplace(declared);
        }
        auto scope = context.scope;
        ++scope.depth;
        scope.tables = OffsetTables::none_or_bad;
        scope.is_dummy = scope.is_dummy || rule.action == Action::dummy;
        scope.is_private = scope.is_private || is_private(element.tag);
        const bool needs_path = m_watch || !m_blanked.empty();
        rewrite_item(item,
                     {scope, own ? *own : context.charset,
                      needs_path ? context.path + short_tag(element.tag) + ">" : std::string{},
                      is_content, element.tag});
    }
    return true;
}

bool Rewriter::rewrite_value(Element& element, const Decision& decision, const Context& context)
{
    const auto& rule = decision.rule;
    // What people type keeps allowed words only, and so do texts of reports.
    const bool is_report_text = context.is_content && element.tag != Tag{0x0008, 0x0104};
    const auto depth = decision.is_typed || is_report_text || rule.action == Action::graphics
                           ? CleaningDepth::words
                           : CleaningDepth::full;
    const auto place = UidPlace{element.tag.group, element.tag.element};
    const auto set_label = [&](const std::string& text) {
        element.set_text(within_limit(element.vr, text));
        return true;
    };
    switch (rule.action) {
    case Action::empty: element.set(""); return true;
    case Action::burned_in:
        if (const auto value = trimmed(element.stored); value != "YES" && value != "NO") {
            element.set("");
        }
        return true;
    case Action::keep:
        return keep_value(element, context,
                          decision.is_typed ? CleaningDepth::words : CleaningDepth::identity);
    case Action::dummy: dummy(element, context); return true;
    case Action::uid: element.set(m_plan.uids.map(element.stored, uid_form(place))); return true;
    case Action::shift:
        element.set(effective_vr(element) == Vr{"DA"}
                        ? m_plan.dates.move_dates(trimmed(element.stored))
                        : m_plan.dates.move_datetimes(trimmed(element.stored)));
        return true;
    case Action::clean:
    case Action::clean_sequence:
    case Action::structured:
    case Action::graphics: keep_text(element, context, depth); return true;
    case Action::subject: return set_label(m_plan.settings.participant.str());
    case Action::project: return set_label(m_plan.settings.project.str());
    case Action::event_or_clean:
        if (!m_plan.settings.event) {
            keep_text(element, context, depth);
            return true;
        }
        return set_label(m_plan.event_text());
    case Action::event:
        // The clinical trial group holds the bare event, the other elements name what it is.
        if (element.tag.group == 0x0012) {
            return set_label(m_plan.settings.event ? m_plan.settings.event->str() : "");
        }
        return set_label(m_plan.event_text());
    case Action::hash: element.set(m_plan.uids.number(element.stored, m_study)); return true;
    case Action::study_hash: element.set(m_plan.uids.study_number(m_study)); return true;
    case Action::method: return set_label(m_plan.method());
    case Action::constant:
        return set_label(rule.constant == "MODIFIED" && m_plan.dates.is_identity() ? "UNMODIFIED"
                                                                                   : rule.constant);
    case Action::csa: return scrub_csa(element);
    case Action::body_part: element.set(known_body_part(trimmed(element.stored))); return true;
    case Action::remove:
    case Action::recurse:
    case Action::codes:
    case Action::ctp:
    case Action::by_private_list: break;
    }
    return false;
}

/// What some modules must have although the rules take it away: empty it tells nothing (type 2).
void Rewriter::keep_required(Item& item, const Context& context)
{
    constexpr std::string_view reports = "1.2.840.10008.5.1.4.1.1.88.";
    const auto* const sop_class = item.find({0x0008, 0x0016});
    const bool is_report =
        context.scope.depth == 0 && sop_class != nullptr && sop_class->stored.starts_with(reports);
    const auto add = [&](Tag tag, Vr vr) {
        if (item.find(tag) == nullptr) {
            Element element;
            element.tag = tag;
            element.vr = vr;
            element.is_sequence = vr == Vr{"SQ"};
            element.set("");
            item.elements.insert(std::ranges::lower_bound(item.elements, tag, {}, &Element::tag),
                                 std::move(element));
        }
    };
    if (is_report) { // PS3.3 C.17.1
        add({0x0008, 0x1111}, "SQ");
    }
    if (context.path_tag == Tag{0x0040, 0xa370}) { // PS3.3 C.17.2, ReferencedRequestSequence
        add({0x0008, 0x1110}, "SQ");
        add({0x0040, 0x1001}, "SH");
    }
}

void Rewriter::create_missing(Item& root, const Context& context)
{
    const auto insert = [&](Element element) {
        const auto at = std::ranges::lower_bound(root.elements, element.tag, {}, &Element::tag);
        root.elements.insert(at, std::move(element));
    };
    for (const auto index : m_plan.profile.created()) {
        const auto& row = m_plan.profile.rows()[index];
        Element element;
        element.tag = *parse_tag(row.tag);
        element.vr = row.vr;
        if (root.find(element.tag) != nullptr
            || (row.rule.action == Action::event_or_clean && !m_plan.settings.event)) {
            continue;
        }
        if (row.rule.action == Action::codes) {
            write_codes(element);
        } else {
            element.is_sequence = row.vr == Vr{"SQ"};
            if (!rewrite_element(element, {row.rule, "created"}, context)) {
                continue;
            }
        }
        note(element, {row.rule, "created"}, context);
        insert(std::move(element));
    }
    auto* const study_date = root.find({0x0008, 0x0020});
    if (study_date != nullptr && study_date->value().empty()) {
        const auto known = m_plan.study_dates.find(m_study);
        study_date->set(known == m_plan.study_dates.end() ? "19700101" : known->second);
    }
}

void Rewriter::write_codes(Element& element)
{
    struct Code {
        std::string_view value, meaning;
        bool applied;
    };
    const bool moved = !m_plan.dates.is_identity();
    // PS3.16 CID 7050; the basic profile first, then each option that was really applied.
    const std::array<Code, 9> codes{
        {{"113100", "Basic Application Confidentiality Profile", true},
         {"113101", "Clean Pixel Data Option", m_pixels == Pixels::clean},
         {"113103", "Clean Graphics Option", m_has_graphics},
         {"113104", "Clean Structured Content Option", m_has_content},
         {"113105", "Clean Descriptors Option", true},
         {"113106", "Retain Longitudinal Temporal Information Full Dates Option", !moved},
         {"113107", "Retain Longitudinal Temporal Information Modified Dates Option", moved},
         {"113108", "Retain Patient Characteristics Option", true},
         {"113111", "Retain Safe Private Option", m_has_private}}};
    element.is_sequence = true;
    element.vr = "SQ";
    for (const auto& code : codes) {
        if (!code.applied) {
            continue;
        }
        const auto part = [](std::uint16_t number, Vr vr, std::string_view text) {
            Element made;
            made.tag = {0x0008, number};
            made.vr = vr;
            made.set(std::string{text});
            return made;
        };
        element.items.push_back({{part(0x0100, "SH", code.value), part(0x0102, "SH", "DCM"),
                                  part(0x0104, "LO", code.meaning)}});
    }
}

} // namespace fiona::anonymize
