// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/gray.h"

#include <string>
#include <vector>

namespace fiona::pixel {

/// Pairs of pictures for the eye of a reviewer: left as it was with red boxes, right as it is.
class ContactSheet {
public:
    /// Wide pictures are made smaller. A sheet that is full takes no more.
    void add(const GrayPlane& before, const GrayPlane& after, const std::vector<Box>& boxes);
    /// One picture alone, as it is.
    void add(const GrayPlane& picture) { add(picture, GrayPlane{}, {}); }
    [[nodiscard]] bool is_full() const;
    /// The sheet as PNG; "" if nothing was added.
    [[nodiscard]] std::string png() const;

private:
    struct Row {
        GrayPlane before;
        GrayPlane after;
        std::vector<Box> boxes;
    };
    std::vector<Row> m_rows;
};

} // namespace fiona::pixel
