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
            DcmTag tag;
            OFString text;
            return DcmTag::findTagFromName(condition.first.c_str(), tag).good()
                   && data_set.findAndGetOFStringArray(tag, text).good()
                   && lower_case({text.data(), text.size()}).find(condition.second)
                          != std::string::npos;
        });
        if (matches) {
            known.boxes.insert(known.boxes.end(), rule.boxes.begin(), rule.boxes.end());
            known.is_clean = known.is_clean || rule.is_clean;
        }
    }
    return known;
}

} // namespace fiona::pixel
