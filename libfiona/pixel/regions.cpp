// SPDX-License-Identifier: MIT
#include "libfiona/pixel/regions.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>

namespace fiona::pixel {

namespace {

Box box_of(const json::Value& value)
{
    const auto& numbers = value.array();
    const auto number = [&](std::size_t at) {
        const auto read = numbers.at(at).integer();
        if (read < 0 || read > 65535) {
            throw Error{Fault::data, "a box outside of any picture"};
        }
        return static_cast<std::uint32_t>(read);
    };
    if (numbers.size() != 4) {
        throw Error{Fault::data, "a box is [x, y, width, height]"};
    }
    return {number(0), number(1), number(0) + number(2), number(1) + number(3)};
}

RegionRule rule_of(const json::Value& value)
{
    RegionRule rule;
    for (const auto& [key, entry] : value.object()) {
        if (key == "match") {
            for (const auto& [keyword, text] : entry.object()) {
                DcmTag tag;
                if (DcmTag::findTagFromName(keyword.c_str(), tag).bad()) {
                    throw Error{Fault::data, "{} is no keyword of DICOM", json::quoted(keyword)};
                }
                rule.match.emplace(keyword, lower_case(text.string()));
            }
        } else if (key == "boxes") {
            for (const auto& box : entry.array()) {
                rule.boxes.push_back(box_of(box));
            }
        } else if (key == "clean") {
            rule.is_clean = entry.boolean();
        } else {
            throw Error{Fault::data, "unknown key {}", json::quoted(key)};
        }
    }
    if (rule.match.empty() || (rule.boxes.empty() && !rule.is_clean)) {
        throw Error{Fault::data, R"(a rule needs "match", and "boxes" or "clean")"};
    }
    return rule;
}

/// Texts that people or devices word: a part of them says enough. All else is a whole value: an image
/// that counts on from a matched one (UID ...45 after ...4, Rows 4800 after 480) is another image.
bool is_matched_in_part(DcmEVR vr)
{
    switch (vr) {
    case EVR_LO:
    case EVR_SH:
    case EVR_PN:
    case EVR_ST:
    case EVR_LT:
    case EVR_UC:
    case EVR_UT: return true;
    default: return false;
    }
}

/// The values of one attribute as DICOM writes them, parted by backslashes, without padding.
std::string plain_values(std::string_view text)
{
    std::string plain;
    for (const auto value : split(text, '\\')) {
        plain.append(1, '\\').append(lower_case(trimmed(value)));
    }
    return plain + '\\';
}

bool is_met(const std::string& keyword, const std::string& wanted, DcmItem& data_set)
{
    DcmTag tag;
    OFString text;
    if (DcmTag::findTagFromName(keyword.c_str(), tag).bad()
        || data_set.findAndGetOFStringArray(tag, text).bad()) {
        return false;
    }
    const std::string_view value{text.data(), text.size()};
    return is_matched_in_part(tag.getEVR())
               ? lower_case(value).find(wanted) != std::string::npos
               : plain_values(value).find(plain_values(wanted)) != std::string::npos;
}

} // namespace

std::vector<RegionRule> read_regions(const std::filesystem::path& file)
{
    try {
        std::vector<RegionRule> rules;
        const auto document = json::parse(read_file(file), file.native());
        for (const auto& value : document.array()) {
            rules.push_back(rule_of(value));
        }
        return rules;
    } catch (const Error& error) {
        if (error.fault() != Fault::data) {
            throw;
        }
        throw Error{Fault::config, "{}: {}", file.native(), error.what()};
    }
}

KnownRegions known_regions(const std::vector<RegionRule>& rules, DcmItem& data_set)
{
    KnownRegions known;
    for (const auto& rule : rules) {
        const bool matches = std::ranges::all_of(rule.match, [&](const auto& condition) {
            return is_met(condition.first, condition.second, data_set);
        });
        if (matches) {
            known.boxes.insert(known.boxes.end(), rule.boxes.begin(), rule.boxes.end());
            known.is_clean = known.is_clean || rule.is_clean;
        }
    }
    return known;
}

} // namespace fiona::pixel
