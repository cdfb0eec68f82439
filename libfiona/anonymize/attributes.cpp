// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/attributes.h"

#include "libfiona/base/error.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdicent.h>
#include <dcmtk/dcmdata/dcdict.h>

#include <algorithm>

namespace fiona::anonymize {

namespace {

/// DCMTK's internal representations ("ox": OB or OW, "xs": US or SS, ...) as those of the standard.
/// Only implicit VR files need the answer; there OB or OW is OW (PS3.5 §A.1).
Vr standard_vr(const DcmDictEntry& entry)
{
    const std::string_view name = entry.getVR().getValidVRName();
    return name.size() == 2 ? Vr{name[0], name[1]} : Vr{};
}

Vr vr_of(const DcmDictEntry& entry)
{
    switch (entry.getEVR()) {
    case EVR_ox:
    case EVR_px:
    case EVR_lt: return "OW";
    case EVR_xs: return "US";
    case EVR_up: return "UL";
    default: return standard_vr(entry);
    }
}

} // namespace

Attributes::Attributes()
{
    auto& dictionary = dcmDataDict.wrlock(); // its iterators are not const
    const auto add = [&](const DcmDictEntry& entry) {
        if (entry.getPrivateCreator() == nullptr && (entry.getGroup() & 1U) == 0) {
            m_sorted.push_back({{entry.getGroup(), entry.getElement()},
                                vr_of(entry),
                                entry.getTagName() == nullptr ? "" : entry.getTagName()});
        }
    };
    for (auto at = dictionary.normalBegin(); at != dictionary.normalEnd(); ++at) {
        add(**at);
    }
    for (auto at = dictionary.repeatingBegin(); at != dictionary.repeatingEnd(); ++at) {
        add(**at);
    }
    dcmDataDict.wrunlock();
    if (m_sorted.empty()) {
        throw Error{Fault::config, "DCMTK found no data dictionary: is DCMDICTPATH set wrongly?"};
    }
    std::ranges::stable_sort(m_sorted, {}, &Attribute::tag);
    for (const auto& attribute : m_sorted) {
        m_by_keyword.try_emplace(attribute.keyword, attribute.tag);
    }
}

const Attributes& Attributes::standard()
{
    static const Attributes attributes;
    return attributes;
}

const Attribute* Attributes::find(Tag tag) const
{
    if (is_private(tag)) {
        return nullptr;
    }
    // PS3.5 §7.6: repeating groups 50xx and 60xx.
    const auto family = tag.group & 0xff00U;
    if (family == 0x5000 || family == 0x6000) {
        tag.group = static_cast<std::uint16_t>(family);
    }
    const auto at = std::ranges::lower_bound(m_sorted, tag, {}, &Attribute::tag);
    return at == m_sorted.end() || at->tag != tag ? nullptr : &*at;
}

std::optional<Tag> Attributes::tag_of(std::string_view keyword) const
{
    const auto at = m_by_keyword.find(keyword);
    return at == m_by_keyword.end() ? std::nullopt : std::optional{at->second};
}

} // namespace fiona::anonymize
