// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/rules.h"
#include "libfiona/anonymize/source_file.h"

#include <cstdint>
#include <optional>
#include <string>

/// Of the pixel data element leaves the picture, and nothing that stands beside it: no comment in a code
/// stream, no byte behind the last frame, no other element inside.
namespace fiona::anonymize {

/// As the header says (the data set as it was read).
[[nodiscard]] dicom::PixelShape pixel_shape(const Item& root, Encoding encoding);

/// Why its pixel data must not leave, whatever their bytes are: an element that is none, or an overlay in
/// unused bits of the samples (PS3.5 §8.1.2, retired); "" if nothing speaks against it.
[[nodiscard]] std::string refusal_of_pixels(const SourceFile& source, const Layout& layout,
                                            const Parsed& parsed);

/// Of the top level, held against `element` in `bytes`. Throws Error{Fault::data} if the fragments have no end.
[[nodiscard]] OffsetTables offset_tables(const Item& root, const dicom::StoredBytes& bytes,
                                         const std::optional<dicom::PixelElement>& element);

/// What is needed to copy the element; both are borrowed.
struct SourcePixels {
    const SourceFile& source;
    const Layout& layout;
    std::size_t parsed_end = 0; ///< where reading of source.header() stopped
    dicom::PixelShape shape;
};

/// Writes the element behind the end of `target`, which can be read too, without what is no picture: that is
/// made zero, an offset table that is none is emptied. Returns how many bytes. Throws Error{Fault::data} if
/// nobody can tell what is picture.
[[nodiscard]] std::uint64_t write_clean_pixels(const SourcePixels& pixels, int target);
/// The same without writing.
void require_walkable(const SourcePixels& pixels);

/// Looks at what was written, from `offset` to the end of the file, as a stranger's: what in it is no
/// picture, "" if nothing.
[[nodiscard]] std::string remains_beside_picture(int file, std::uint64_t offset,
                                                 const Layout& layout,
                                                 const dicom::PixelShape& shape);

} // namespace fiona::anonymize
