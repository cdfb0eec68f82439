// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

class DcmItem;
class DcmTag;
class DcmTagKey;

namespace fiona::wsi {

struct SlideHeader;

// Elements put into an item by DCMTK. Each throws Error{Fault::data} for what DICOM cannot hold.

/// One value of text, UTF-8, cut to `most` characters; backslashes and control characters, which mean
/// something to DICOM, become others.
void put_text(DcmItem& item, const DcmTag& tag, std::string_view text, std::size_t most);
/// Several values with backslashes between them, ours.
void put_list(DcmItem& item, const DcmTag& tag, const std::string& values);
void put_number(DcmItem& item, const DcmTag& tag, std::uint64_t value); ///< US
void put_long(DcmItem& item, const DcmTag& tag, std::uint64_t value);   ///< UL
void put_real(DcmItem& item, const DcmTag& tag, double value);          ///< FL
/// DS, of at most 16 characters (PS3.5 table 6.2-1).
void put_decimal(DcmItem& item, const DcmTag& tag, double value);
void put_decimals(DcmItem& item, const DcmTag& tag, const std::vector<double>& values);
void put_tag(DcmItem& item, const DcmTag& tag, const DcmTagKey& value);     ///< AT
void put_bytes(DcmItem& item, const DcmTag& tag, const std::string& value); ///< OB
void put_sequence(DcmItem& item, const DcmTag& tag, const std::vector<DcmItem>& items);

struct Code {
    std::string value;
    std::string scheme;
    std::string meaning;
};
/// A sequence of one code (PS3.3 table 8.8-1).
void put_code(DcmItem& item, const DcmTag& tag, const Code& code);

/// The specimen module (PS3.3 C.7.6.22): glass, specimen, and the steps of blocking and staining by which
/// archives find block and stain.
void put_specimen(DcmItem& item, const SlideHeader& header);

} // namespace fiona::wsi
