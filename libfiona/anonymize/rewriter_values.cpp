// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/csa_scrub.h"
#include "libfiona/anonymize/icc.h"
#include "libfiona/anonymize/rewriter.h"
#include "libfiona/anonymize/rewriter_context.h"
#include "libfiona/anonymize/value_shape.h"
#include "libfiona/anonymize/vocabulary.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/text.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

namespace fiona::anonymize {

namespace {

/// Numbers that are letters throughout: a text that an implicit data set passed off as numbers. Long
/// values are tables, and no table has letters only.
bool holds_words(const Element& element)
{
    constexpr std::size_t least = 6;
    const auto bytes = trimmed(element.stored);
    const bool is_number = element.vr == Vr{"US"} || element.vr == Vr{"SS"}
                           || element.vr == Vr{"UL"} || element.vr == Vr{"SL"}
                           || element.vr == Vr{"SV"} || element.vr == Vr{"UV"}
                           || element.vr == Vr{"OV"} || element.vr == Vr{"FL"}
                           || element.vr == Vr{"FD"} || element.vr == Vr{"AT"};
    return is_number && bytes.size() >= least && std::ranges::all_of(bytes, [](char c) {
               const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
               return is_letter || c == ' ' || c == '^' || c == '-' || (c >= '0' && c <= '9');
           });
}

/// Manufacturer, coded entries, names and labels of segments, algorithms, annotations and content items.
constexpr std::array<Tag, 13> required_texts{{{0x0008, 0x0070},
                                              {0x0008, 0x0100},
                                              {0x0008, 0x0102},
                                              {0x0008, 0x0104},
                                              {0x0040, 0x0032},
                                              {0x0040, 0xa160},
                                              {0x0062, 0x0005},
                                              {0x0062, 0x0009},
                                              {0x0066, 0x0036},
                                              {0x006a, 0x0005},
                                              {0x0070, 0x0006},
                                              {0x0070, 0x0080},
                                              {0x3006, 0x0026}}};

} // namespace

void Rewriter::keep_text(Element& element, const Context& context, CleaningDepth depth)
{
    // Bytes of unknown kind cannot be searched as text: they have no business in a text's place.
    const auto vr = effective_vr(element);
    if (!is_string(vr)) {
        element.set("");
        return;
    }
    const auto text = context.charset.decode(trimmed(element.stored), vr);
    m_lies = m_lies || !text.as_declared;
    const auto multiplicity = is_single_valued(vr) ? Multiplicity::single : Multiplicity::multiple;
    auto result = cleaned(text.utf8, m_plan.identity, depth, multiplicity, &m_plan.profile.words());
    if (!result) {
        return;
    }
    // Type 1 where they stand (PS3.3): without a value the object would not be one.
    const bool may_be_empty =
        std::ranges::find(required_texts, element.tag) == required_texts.end();
    element.set_text(result->empty() && !may_be_empty ? within_limit(vr, dummy_text)
                                                      : std::move(*result));
}

bool Rewriter::keep_value(Element& element, const Context& context, CleaningDepth depth)
{
    const auto vr = effective_vr(element);
    if (element.tag == Tag{0x0008, 0x0005}) {
        return is_charset_term(element.stored);
    }
    if (is_private(element.tag) && (vr == Vr{"UN"} || vr == Vr{"OB"})) {
        return keep_unknown(element, context);
    }
    // VerificationFlag: who verified it verified the original.
    if (element.tag == Tag{0x0040, 0xa493}) {
        element.set("UNVERIFIED");
        return true;
    }
    if (element.tag == Tag{0x0028, 0x2000}) {
        return keep_colours(element);
    }
    if (!is_string(vr)) {
        if (holds_words(element)) {
            element.set("");
        }
        return true;
    }
    if (vr == Vr{"DA"} || vr == Vr{"DT"}) { // kept by somebody's own rule: as it is, if it is one
        return day_of(trimmed(element.stored)).has_value();
    }
    // Those of study, series and instance stay as the rule says: the verifier refuses the file.
    if (vr == Vr{"UI"} && !is_instance_place({element.tag.group, element.tag.element})
        && m_plan.identity.is_original_uid(trimmed(element.stored))) {
        element.set(m_plan.uids.map(element.stored, UidForm::instance));
        return true;
    }
    if (vr != Vr{"UI"} && element.stored.ends_with('\0')) { // PS3.5 §6.2: texts end with blanks
        element.set(std::string{trimmed(element.stored)});
    }
    if (!has_legal_shape(vr, element.stored)) {
        element.set("");
        return true;
    }
    if (vr == Vr{"AS"}) {
        element.set(capped_age(trimmed(element.stored)));
        return true;
    }
    const bool is_term = vr == Vr{"CS"} && are_defined_terms(trimmed(element.stored));
    const bool may_name_someone =
        is_encoded_text(vr) || (vr == Vr{"CS"} && !is_term) || vr == Vr{"AE"} || vr == Vr{"UR"};
    if (may_name_someone) {
        keep_text(element, context, depth);
    }
    return true;
}

/// A colour profile keeps its numbers: its texts name the scanner. One that cannot be read goes.
bool Rewriter::keep_colours(Element& element)
{
    auto profile = cleaned_icc_profile(std::string{element.stored});
    const bool is_readable = profile.find_first_not_of('\0') != std::string::npos;
    if (is_readable) {
        element.set(std::move(profile));
    }
    return is_readable || element.stored.empty();
}

/// An allowed private element in a file that does not tell its VR.
bool Rewriter::keep_unknown(Element& element, const Context& context)
{
    if (auto items = read_unknown_sequence(element.stored)) {
        element.is_sequence = true;
        element.vr = "SQ";
        element.items = std::move(*items);
        Rule recurse;
        recurse.action = Action::recurse;
        return rewrite_sequence(element, recurse, context);
    }
    const auto bare = trimmed(element.stored);
    const bool printable = !bare.empty() && std::ranges::all_of(bare, [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 || c == '\r' || c == '\n' || c == '\t';
    });
    if (!printable) {
        return true;
    }
    if (is_uid(bare) && std::ranges::count(bare, '.') >= 3) {
        element.set(m_plan.uids.map(element.stored, UidForm::instance));
        return true;
    }
    // One or two numbers in binary, or decimal ones: no words to hold against a list.
    constexpr std::size_t two_floats = 8;
    const bool is_number =
        element.stored.size() <= two_floats
        || bare.find_first_not_of("0123456789+-.eE \\") == std::string_view::npos;
    const auto depth = is_number ? CleaningDepth::full : CleaningDepth::words;
    const auto text = context.charset.decode(bare, "LT");
    if (auto result = cleaned(text.utf8, m_plan.identity, depth, Multiplicity::single,
                              &m_plan.profile.words())) {
        *result += result->size() % 2 == 0 ? "" : " "; // as UN the writer would pad it with NUL
        element.set(std::move(*result));
    }
    return true;
}

void Rewriter::dummy(Element& element, const Context& context)
{
    constexpr std::array<Tag, 3> distinct{{{0x0012, 0x0042}, {0x0040, 0x0512}, {0x0040, 0x0551}}};
    const auto vr = effective_vr(element);
    if (std::ranges::find(distinct, element.tag) != distinct.end()) {
        element.set(m_plan.uids.number(element.stored, m_study));
    } else if (vr == Vr{"DA"}) {
        element.set(m_plan.dates.move_dates(trimmed(element.stored)));
    } else if (vr == Vr{"DT"}) {
        element.set(m_plan.dates.move_datetimes(trimmed(element.stored)));
    } else if (vr == Vr{"UI"}) {
        element.set(
            m_plan.uids.map(element.stored, uid_form({element.tag.group, element.tag.element})));
    } else if (vr == Vr{"TM"}) {
        static_cast<void>(keep_value(element, context, CleaningDepth::identity));
    } else if (vr == Vr{"CS"}) {
        element.set("ANON");
    } else if (vr == Vr{"IS"} || vr == Vr{"DS"}) {
        element.set("0");
    } else if (vr == Vr{"AS"}) {
        element.set("000D");
    } else if (is_string(vr)) {
        element.set(within_limit(vr, dummy_text));
    } else {
        element.set(std::string(element.stored.size(), '\0'));
    }
}

void Rewriter::apply_regex(Element& element, const std::string& regex, const Context& context)
{
    const RE2 pattern{regex, RE2::Quiet};
    if (!pattern.ok()) { // the original: an expression that makes no sense gives no value
        element.set("");
        return;
    }
    const auto text = element.is_utf8
                          ? std::string{element.value()}
                          : context.charset.decode(trimmed(element.value()), element.vr).utf8;
    const auto groups = static_cast<std::size_t>(pattern.NumberOfCapturingGroups());
    std::vector<re2::StringPiece> found(groups + 1);
    const bool matched = groups > 0
                         && pattern.Match(text, 0, text.size(), RE2::UNANCHORED, found.data(),
                                          static_cast<int>(found.size()));
    std::string result;
    for (std::size_t i = 1; matched && i < found.size(); ++i) {
        result += found[i].as_string() + " "; // every group and a blank, as the original
    }
    element.set_text(within_limit(element.vr, matched ? std::string_view{result} : no_regex_match));
}

bool Rewriter::scrub_csa(Element& element)
{
    if (element.is_sequence) {
        return false;
    }
    auto scrubbed =
        scrubbed_csa(element.stored, m_plan.identity, m_plan.uids, m_plan.profile.words());
    if (!scrubbed) {
        return false;
    }
    element.set(std::move(*scrubbed));
    return true;
}

} // namespace fiona::anonymize
