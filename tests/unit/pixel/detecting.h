// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/clean.h"

/// Boxes are looked for in the picture itself; no rules of a project.
inline fiona::pixel::CleanOptions detecting()
{
    fiona::pixel::CleanOptions options;
    options.search = fiona::pixel::Search::detect;
    return options;
}
