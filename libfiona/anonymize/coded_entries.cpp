// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/coded_entries.h"

#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace fiona::anonymize {

namespace {

std::string code_of(const Item& item, Tag sequence)
{
    const auto* const codes = item.find(sequence);
    if (codes == nullptr || codes->items.empty()) {
        return {};
    }
    const auto* const code = codes->items.front().find({0x0008, 0x0100});
    return code == nullptr ? std::string{} : std::string{trimmed(code->stored)};
}

/// Content items whose concept is itself an identifier (PS3.16, context group DCM): request and
/// accession numbers, person names and ids, organisations, locations, birth dates.
bool is_identifying_concept(std::string_view code)
{
    constexpr std::array<std::string_view, 22> codes{
        "110190", "113871", "113872", "113873", "113870", "121008", "121009", "121010",
        "121011", "121012", "121017", "121020", "121021", "121022", "121028", "121029",
        "121030", "121031", "121036", "121094", "121114", "128774"};
    return std::ranges::find(codes, code) != codes.end();
}

bool is_public_scheme(std::string_view designator)
{
    constexpr std::array<std::string_view, 26> schemes{
        "DCM",    "SRT", "SCT",  "SNM3", "SDM",  "99SDM", "UCUM",      "LN",     "LOINC",
        "RADLEX", "FMA", "NCIt", "NCIT", "UMLS", "MDC",   "ACR",       "BI",     "I10",
        "I9",     "RO",  "NLM",  "C4",   "CPT4", "NDC",   "ISO3166_1", "RFC5646"};
    return std::ranges::find(schemes, designator) != schemes.end();
}

bool has_public_scheme(const Item& item)
{
    const auto* const scheme = item.find({0x0008, 0x0102});
    return scheme != nullptr && is_public_scheme(trimmed(scheme->stored));
}

} // namespace

bool is_typed_code(const Item& item, const Element& element)
{
    constexpr std::size_t least_letters = 5;
    const auto value = trimmed(element.stored);
    const bool is_word = value.size() >= least_letters && std::ranges::all_of(value, [](char c) {
                             return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
                         });
    const bool is_meaning = element.tag == Tag{0x0008, 0x0104};
    const bool is_value = element.tag == Tag{0x0008, 0x0100};
    return (is_meaning || (is_value && is_word)) && !has_public_scheme(item);
}

bool is_identifying_content(const Item& item)
{
    const auto* const type = item.find({0x0040, 0xa040});
    const auto value_type = type == nullptr ? std::string_view{} : trimmed(type->stored);
    return value_type != "CONTAINER" && is_identifying_concept(code_of(item, {0x0040, 0xa043}));
}

} // namespace fiona::anonymize
