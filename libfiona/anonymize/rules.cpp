// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/rules.h"

#include "libfiona/anonymize/attributes.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::anonymize {

namespace {

/// UIDs that name a class, a syntax or a coding scheme, never an instance.
constexpr std::array<Tag, 11> class_uids{{{0x0008, 0x0016},
                                          {0x0008, 0x001a},
                                          {0x0008, 0x001b},
                                          {0x0008, 0x0062},
                                          {0x0008, 0x010c},
                                          {0x0008, 0x0117},
                                          {0x0008, 0x0118},
                                          {0x0008, 0x1150},
                                          {0x0008, 0x115a},
                                          {0x0008, 0x3002},
                                          {0x0400, 0x0010}}};

/// Terms of coding schemes and names of character sets: kept but for identifiers of the study,
/// because a code of eight digits looks like a date.
constexpr std::array<Tag, 9> terms{{{0x0008, 0x0100},
                                    {0x0008, 0x0102},
                                    {0x0008, 0x0103},
                                    {0x0008, 0x0112},
                                    {0x0008, 0x0114},
                                    {0x0008, 0x0119},
                                    {0x0018, 0x0024},
                                    {0x0020, 0x9421},
                                    {0x0070, 0x0002}}};

/// Binary of known meaning although its VR is OB: colour profile (without its texts), weighting table,
/// fill pattern, waveform samples and their limits.
constexpr std::array<Tag, 7> known_binary{{{0x0028, 0x2000},
                                           {0x0070, 0x0256},
                                           {0x0070, 0x1808},
                                           {0x5400, 0x0110},
                                           {0x5400, 0x0112},
                                           {0x5400, 0x100a},
                                           {0x5400, 0x1010}}};

template <std::size_t Count>
bool is_one_of(Tag tag, const std::array<Tag, Count>& set)
{
    return std::ranges::find(set, tag) != set.end();
}

Rule rule_of(Action action)
{
    Rule rule;
    rule.action = action;
    return rule;
}

Decision default_of_vr(Tag tag, Vr vr, const Scope& scope)
{
    if (vr == Vr{"SQ"}) {
        return {rule_of(Action::recurse), "sequence without a rule: searched inside"};
    }
    if (scope.is_dummy && (is_encoded_text(vr) || vr == Vr{"AE"} || vr == Vr{"UR"})) {
        return {rule_of(Action::dummy), "inside a sequence of dummies"};
    }
    if (vr == Vr{"PN"}) {
        return {rule_of(Action::empty), "default for names"};
    }
    if (vr == Vr{"DA"} || vr == Vr{"DT"}) {
        return {rule_of(Action::shift), "default for dates"};
    }
    if (vr == Vr{"UI"}) {
        return is_one_of(tag, class_uids)
                   ? Decision{rule_of(Action::keep), "names a class, not an instance"}
                   : Decision{rule_of(Action::uid), "default for UIDs"};
    }
    if (is_free_text(vr)) {
        const bool is_long = vr == Vr{"LT"} || vr == Vr{"ST"} || vr == Vr{"UT"};
        return is_one_of(tag, terms)
                   ? Decision{rule_of(Action::keep), "term of a coding scheme"}
                   : Decision{rule_of(Action::clean), "default for free text", is_long};
    }
    const bool unknown_bytes = vr == Vr{"UN"} || vr == Vr{"OB"};
    if (vr == Vr{"AE"} || vr == Vr{"UR"} || (unknown_bytes && !is_one_of(tag, known_binary))) {
        return {rule_of(Action::remove), "default for addresses and unknown bytes"};
    }
    return {rule_of(Action::keep), "default for numbers and terms"};
}

} // namespace

PrivateBlocks::PrivateBlocks(const Item& item)
{
    for (const auto& element : item.elements) {
        if (is_creator(element.tag) && !element.is_sequence) {
            m_creators.try_emplace(element.tag, trimmed(element.stored));
        }
    }
}

bool PrivateBlocks::is_creator(Tag tag)
{
    return is_private(tag) && tag.element >= 0x10 && tag.element <= 0xff;
}

std::optional<PrivateKey> PrivateBlocks::key(Tag tag) const
{
    const auto at = m_creators.find(Tag{tag.group, static_cast<std::uint16_t>(tag.element >> 8U)});
    if (tag.element < 0x1000 || at == m_creators.end()) {
        return std::nullopt;
    }
    return PrivateKey{at->second, tag.group, static_cast<std::uint8_t>(tag.element & 0xffU)};
}

bool uid_names_instance(Tag tag)
{
    return !is_one_of(tag, class_uids);
}

Vr effective_vr(const Element& element)
{
    const auto* const known = Attributes::standard().find(element.tag);
    if (known == nullptr || element.is_sequence) {
        return element.vr;
    }
    if (element.vr == Vr{"UN"}) {
        return known->vr;
    }
    // A name, a date, a UID is one, whatever text the file calls it: else nobody would search for it.
    constexpr std::array<Vr, 5> telling{"PN", "DA", "DT", "UI", "AS"};
    const auto is_date = [](Vr vr) { return vr == Vr{"DA"} || vr == Vr{"DT"}; };
    if (is_string(element.vr) && std::ranges::find(telling, known->vr) != telling.end()
        && !(is_date(known->vr) && is_date(element.vr))) {
        return known->vr;
    }
    // A file that calls a text a number would get it past the rules for texts.
    const bool hides_text = (is_encoded_text(known->vr) && !is_encoded_text(element.vr))
                            || (is_string(known->vr) && !is_string(element.vr));
    return hides_text ? known->vr : element.vr;
}

Decision decide(const Profile& profile, const PrivateBlocks& blocks, const Element& element,
                const Scope& scope)
{
    const auto tag = element.tag;
    if (tag.element == 0x0000 || tag.group <= 0x0007) {
        return {rule_of(Action::remove), "group length, or a group that has no place here"};
    }
    if (element.is_encapsulated || is_pixel_data(tag)) {
        return {rule_of(Action::remove), "pixels inside a sequence"};
    }
    if (tells_of_fragments(tag) && (scope.tables != OffsetTables::sound || !is_offset_table(tag))) {
        return {rule_of(Action::remove),
                "kept only where it names the fragments of the pixel data"};
    }
    if (is_private(tag)) {
        const auto key = blocks.key(tag);
        const auto* const rule = key ? profile.find_private(*key) : nullptr;
        if (rule == nullptr) {
            return {rule_of(Action::remove), "private, not on the allow-list"};
        }
        if (rule->action != Action::keep) {
            return {*rule, "private, allow-list"};
        }
        // Inside what is safe the defaults still apply: UIDs are mapped, text is cleaned.
        auto decision = default_of_vr(tag, element.vr, scope);
        if (element.vr == Vr{"UN"} || element.vr == Vr{"OB"}) {
            decision.rule.action = Action::keep;
        }
        decision.reason = "private, on the allow-list";
        return decision;
    }
    if (const auto* const row = profile.find(tag)) {
        auto defaults = default_of_vr(tag, effective_vr(element), scope);
        // A row that keeps may not keep what its VR forbids inside a sequence of dummies.
        if (scope.is_dummy && defaults.rule.action == Action::dummy
            && (row->rule.action == Action::keep || row->rule.action == Action::clean)) {
            return defaults;
        }
        return row->basic.empty() ? Decision{row->rule, "our rule"}
                                  : Decision{row->rule, "PS3.15 row", true};
    }
    if (Attributes::standard().find(tag) == nullptr) {
        return {rule_of(Action::remove), "neither in the profile nor in the dictionary"};
    }
    return default_of_vr(tag, effective_vr(element), scope);
}

} // namespace fiona::anonymize
