// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/header.h"
#include "tests/unit/ingest/phantom_file.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

class DcmItem;
class DcmDataset;

/// The header of an image as write_image() makes it, after `change`. Its file stays until the test
/// program ends, as large values are read late.
fiona::dicom::Header made_image(Attributes attributes,
                                const std::function<void(DcmDataset&)>& change = {});

/// Puts an element of VR OB or UN.
enum class BytesVr { ob, un };
void put_bytes(DcmItem& item, fiona::dicom::Tag tag, BytesVr vr,
               const std::vector<std::byte>& bytes);
std::vector<std::byte> bytes_of(std::string_view text);
/// Appends an item to the sequence and returns it, borrowed.
DcmItem& add_item(DcmItem& parent, fiona::dicom::Tag sequence);
/// A character element.
void put_text(DcmItem& item, fiona::dicom::Tag tag, std::string_view vr, const std::string& text);
