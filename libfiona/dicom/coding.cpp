// SPDX-License-Identifier: MIT
#include "libfiona/dicom/coding.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdicent.h>
#include <dcmtk/dcmdata/dcdict.h>

#include <algorithm>
#include <array>

namespace fiona::dicom {

std::uint16_t read_u16(std::span<const std::byte> bytes, std::size_t at, Coding coding)
{
    const auto first = std::to_integer<unsigned>(bytes[at]);
    const auto second = std::to_integer<unsigned>(bytes[at + 1]);
    return static_cast<std::uint16_t>(coding == Coding::explicit_big ? first << 8U | second
                                                                     : second << 8U | first);
}

std::uint32_t read_u32(std::span<const std::byte> bytes, std::size_t at, Coding coding)
{
    const std::uint32_t first = read_u16(bytes, at, coding);
    const std::uint32_t second = read_u16(bytes, at + 2, coding);
    return coding == Coding::explicit_big ? first << 16U | second : second << 16U | first;
}

bool has_short_length(std::string_view vr)
{
    // As numbers: asked once for each element of each file.
    constexpr auto number = [](std::string_view two) {
        return static_cast<std::uint16_t>(static_cast<unsigned char>(two[0]) << 8U
                                          | static_cast<unsigned char>(two[1]));
    };
    constexpr std::array short_ones{
        number("AE"), number("AS"), number("AT"), number("CS"), number("DA"), number("DS"),
        number("DT"), number("FD"), number("FL"), number("IS"), number("LO"), number("LT"),
        number("PN"), number("SH"), number("SL"), number("SS"), number("ST"), number("TM"),
        number("UI"), number("UL"), number("US")};
    return vr.size() == 2 && std::ranges::find(short_ones, number(vr)) != short_ones.end();
}

SequenceDictionary::SequenceDictionary() : m_dictionary{dcmDataDict.rdlock()} {}

SequenceDictionary::~SequenceDictionary()
{
    dcmDataDict.rdunlock();
}

bool SequenceDictionary::is_sequence(Tag tag, const char* creator) const
{
    const auto* const entry = m_dictionary.findEntry(DcmTagKey{tag.group, tag.element}, creator);
    return entry != nullptr && entry->getEVR() == EVR_SQ;
}

} // namespace fiona::dicom
