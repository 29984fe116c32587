//! The product of two bf16 matrices in f32. Candle's own gives bf16, which is exact only to 256.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// `left * right`: bf16 operands, f32 sums, f32 result.
pub(crate) struct WideProduct;

/// The sizes of a product: `rows` by `inner` times `inner` by `columns`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) rows: usize,
    pub(crate) inner: usize,
    pub(crate) columns: usize,
}

impl Sizes {
    /// Of two matrices that lie row by row, without gaps.
    pub(crate) fn of(left: &Layout, right: &Layout) -> Result<Self> {
        let ((rows, inner), (height, columns)) = (left.shape().dims2()?, right.shape().dims2()?);
        if inner != height {
            bail!("wide-product of {rows} x {inner} and {height} x {columns}");
        }
        if !left.is_contiguous() || !right.is_contiguous() {
            bail!("wide-product of a matrix that does not lie in memory: not row by row");
        }
        Ok(Self { rows, inner, columns })
    }

    pub(crate) fn shape(self) -> Shape {
        Shape::from((self.rows, self.columns))
    }
}

impl CustomOp2 for WideProduct {
    fn name(&self) -> &'static str {
        "wide-product"
    }

    /// Widening loses nothing, so the f32 product of the widened operands is the definition.
    fn cpu_fwd(
        &self,
        left: &CpuStorage,
        left_layout: &Layout,
        right: &CpuStorage,
        right_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sizes = Sizes::of(left_layout, right_layout)?;
        let left = Tensor::from_vec(
            widened(left, left_layout)?,
            (sizes.rows, sizes.inner),
            &candle_core::Device::Cpu,
        )?;
        let right = Tensor::from_vec(
            widened(right, right_layout)?,
            (sizes.inner, sizes.columns),
            &candle_core::Device::Cpu,
        )?;
        let product = left.matmul(&right)?.flatten_all()?.to_vec1::<f32>()?;
        Ok((CpuStorage::F32(product), sizes.shape()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        left: &candle_core::CudaStorage,
        left_layout: &Layout,
        right: &candle_core::CudaStorage,
        right_layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        let sizes = Sizes::of(left_layout, right_layout)?;
        let offsets = (left_layout.start_offset(), right_layout.start_offset());
        Ok((crate::cuda::wide_product((left, right), offsets, sizes)?, sizes.shape()))
    }
}

fn widened(storage: &CpuStorage, layout: &Layout) -> Result<Vec<f32>> {
    let CpuStorage::BF16(values) = storage else { bail!("wide-product needs bf16 operands") };
    let from = layout.start_offset();
    let of_matrix = values.iter().skip(from).take(layout.shape().elem_count());
    Ok(of_matrix.map(|value| value.to_f32()).collect())
}
